import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { noTokens } from '../../packages/controller/src/auth/no-tokens.ts';
import type { HttpContext } from '../../packages/controller/src/http/context.ts';
import { Drain } from '../../packages/controller/src/http/drain.ts';
import { createServer } from '../../packages/controller/src/http/server.ts';
import { selfSigned } from '../set-up/certificate.ts';
import { createDatabase } from '../set-up/database.ts';
import { openStorage } from '../set-up/open-storage.ts';
import {
  type Controller,
  launchController,
  newDataDirectory,
  startController,
} from '../set-up/start-controller.ts';

const controllers: Controller[] = [];
afterAll(async () => {
  for (const controller of controllers) await controller.stop();
});

async function start(options: Parameters<typeof startController>[0]): Promise<Controller> {
  const controller = await startController(options);
  controllers.push(controller);
  return controller;
}

const tls = ['--tls-cert', '/nonexistent/cert.pem', '--tls-key', '/nonexistent/key.pem'];

test.each([
  ['to let everybody in beyond this computer', ['--listen', '192.0.2.1:0', '--no-auth'], '--no-auth'],
  ['that with TLS as well', ['--listen', '192.0.2.1:0', '--no-auth', ...tls], '--no-auth'],
  ['that behind a proxy', ['--no-auth', '--trusted-tls-proxy', '192.0.2.0/24'], '--no-auth'],
  ['the sandbox behind a proxy', ['--sandbox', '--trusted-tls-proxy', '192.0.2.0/24'], '--sandbox'],
  ['an address beyond this computer without TLS', ['--listen', '192.0.2.1:0'], 'TLS'],
  ['half of TLS', ['--tls-cert', '/nonexistent/cert.pem'], '--tls-key'],
  ['a certificate that is not there', tls, '/nonexistent/cert.pem'],
  ['a proxy that is no network', ['--trusted-tls-proxy', 'nginx'], 'trusted-tls-proxy'],
  ['everybody for a proxy', ['--listen', '0.0.0.0:0', '--trusted-tls-proxy', '0.0.0.0/0'], "'0.0.0.0/0'"],
  ['half of everybody for a proxy', ['--listen', '[::]:0', '--trusted-tls-proxy', '8000::/1'], "'8000::/1'"],
  ['a mode that is none', ['--auth', 'magic'], 'keystone'],
  ['two modes', ['--no-auth', '--auth', 'tokens'], '--no-auth'],
  ['Keystone without its address', ['--auth', 'keystone'], '--keystone-url'],
  [
    'Keystone in clear text over a network',
    ['--auth', 'keystone', '--keystone-url', 'http://192.0.2.1:5000/v3', '--keystone-credential', 'x'],
    'https',
  ],
  [
    'Keystone settings without Keystone',
    ['--keystone-url', 'https://keystone.example:5000/v3'],
    '--auth keystone',
  ],
])('refuses %s', async (_, args, text) => {
  const url = args === tls ? (await createDatabase()).url : null;
  const launched = launchController({ data: newDataDirectory(), args }, url);
  expect(await launched.exited).toBe(2);
  expect(launched.output()).toContain(text);
});

describe('without tokens', () => {
  test('everybody on this computer is an admin of the sandbox, and of no other cloud', async () => {
    const controller = await start({ args: ['--sandbox', '--no-auth'] });
    for (const headers of [{}, { 'X-Auth-Token': 'anything' }]) {
      const answer = await fetch(`${controller.url}/v2/tokens`, {
        headers: headers as Record<string, string>,
      });
      expect(answer.status).toBe(200);
    }
    const imported = await controller.request('POST', '/v2/clusters/import', {});
    expect([imported.status, imported.body.error_name]).toEqual([400, 'INVALID_REFERENCE']);
    const foreign = await new Promise<number>((resolve, reject) => {
      const headers = { host: 'evil.example' };
      http
        .get(`${controller.url}/v2/clusters`, { headers }, (answer) =>
          resolve(answer.resume().statusCode ?? 0),
        )
        .on('error', reject);
    });
    expect(foreign).toBe(403);
  });

  test('a data directory with real machines is not opened', async () => {
    const { url } = await createDatabase();
    const data = newDataDirectory();
    const args = ['--allow-network', '127.0.0.0/8'];
    const first = await startController({ data, database: { url }, args });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ type: 'pkcs1', format: 'pem' });
    const machine = { name: 'm', address: '127.0.0.1', port: 1, user: 'u', identity: 'k' };
    const imported = await first.request('POST', '/v2/clusters/import', {
      name: 'real',
      identities: { k: { private_key: key } },
      machines: [machine],
      trust_first_contact: true,
    });
    await first.stop();
    expect(imported.status, JSON.stringify(imported.body)).toBe(202);
    const second = launchController({ data, args: ['--no-auth'] }, url);
    expect(await second.exited).toBe(2);
    expect(second.output()).toContain('real');
  });
});

test('the API is there over TLS, and not without', async () => {
  const data = newDataDirectory();
  const { key, cert } = selfSigned('localhost');
  const files = { key: path.join(data, '..', 'key.pem'), cert: path.join(data, '..', 'cert.pem') };
  writeFileSync(files.key, key, { mode: 0o600 });
  writeFileSync(files.cert, cert);
  const controller = await start({ data, args: ['--tls-cert', files.cert, '--tls-key', files.key] });
  expect(controller.url).toMatch(/^https:/);
  const { port } = new URL(controller.url);
  const headers = { 'X-Auth-Token': controller.token };
  const status = await new Promise<number>((resolve, reject) => {
    https
      .get(`https://localhost:${port}/v2/clusters`, { ca: cert, headers, family: 4 }, (answer) =>
        resolve(answer.resume().statusCode ?? 0),
      )
      .on('error', reject);
  });
  expect(status).toBe(200);
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
});

test('only a trusted proxy says where a request comes from', async () => {
  const storage = await openStorage();
  const serve = async (trustedTlsProxies: string[]) => {
    const context = {
      ...storage,
      log: pino({ level: 'silent' }),
      clouds: new Map(),
      stopping: new AbortController().signal,
      drain: new Drain(),
    };
    const app = await createServer({
      context: context as unknown as HttpContext,
      hosts: ['wadi.example'],
      authenticator: noTokens('default'),
      trustedTlsProxies,
      furtherRights: { 'GET /source': 'view' },
      resources: [(scope) => void scope.get('/v2/source', async (request) => ({ source: request.ip }))],
    });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const headers = { 'X-Forwarded-For': '198.51.100.9, 192.0.2.7' };
    const { source } = (await (await fetch(`${url}/v2/source`, { headers })).json()) as { source: string };
    await app.close();
    return source;
  };
  try {
    expect(await serve([])).toBe('127.0.0.1');
    expect(await serve(['192.0.2.0/24'])).toBe('127.0.0.1');
    expect(await serve(['127.0.0.1/32'])).toBe('192.0.2.7');
  } finally {
    await storage.close();
  }
});
