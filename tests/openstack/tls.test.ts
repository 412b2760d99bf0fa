import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadCloud, OpenStack } from '@wadi/openstack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../set-up/certificate.ts';

const own = selfSigned('localhost');
let folder: string;
let server: Server;
let requests = 0;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-tls-'));
  server = createServer(own, (request, response) => {
    requests += 1;
    request.resume();
    response.writeHead(201, { 'x-subject-token': 'token', 'content-type': 'application/json' });
    const person = { id: 'u', name: 'demo' };
    const token = { issued_at: '2026-01-01T00:00:00Z', expires_at: '2026-01-01T01:00:00Z', user: person };
    response.end(JSON.stringify({ token }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function client(host: string, ca: string | null): OpenStack {
  const { port } = server.address() as AddressInfo;
  const file = path.join(folder, 'ca.pem');
  if (ca !== null) writeFileSync(file, ca);
  const environment = {
    OS_AUTH_URL: `https://${host}:${port}`,
    OS_TOKEN: 'given',
    ...(ca === null ? {} : { OS_CACERT: file }),
  };
  const limits = { firstPause: 1, mostAttempts: 2 };
  return new OpenStack(loadCloud({ environment, workingFolder: folder, homeFolder: folder }), { limits });
}

test('a private authority is trusted where `cacert` names it', async () => {
  const openstack = client('localhost', own.cert);
  expect(await openstack.identity()).toMatchObject({ user: { name: 'demo' }, project: null });
  await openstack.close();
});

test.each<[string, string, string | null]>([
  ['by nobody who is trusted', 'localhost', null],
  ['by another authority', 'localhost', selfSigned('localhost').cert],
  ['for another name', '127.0.0.1', own.cert],
])('a certificate signed %s is refused, before anything is sent', async (_name, host, ca) => {
  const before = requests;
  const openstack = client(host, ca);
  // What turns verification off elsewhere.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    await expect(openstack.identity()).rejects.toMatchObject({
      code: 'CERTIFICATE_REFUSED',
      retryable: false,
      maybeDone: false,
      hint: expect.stringContaining('cacert'),
    });
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    await openstack.close();
  }
  expect(requests).toBe(before);
});
