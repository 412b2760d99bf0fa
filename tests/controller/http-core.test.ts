import { statSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';

describe('the API before any resource', () => {
  let controller: Controller;
  beforeAll(async () => {
    controller = await startController();
  });
  afterAll(async () => {
    await controller?.stop();
  });

  test('tells its health without a token', async () => {
    const health = await fetch(`${controller.url}/healthz`);
    expect(health.status).toBe(200);
    expect(await health.json()).toEqual({ status: 'ok' });
    expect(health.headers.get('x-openstack-request-id')).toMatch(/^req-[0-9a-f-]{36}$/);
    expect((await fetch(`${controller.url}/readyz`)).status).toBe(200);
  });

  test.each([
    ['no token', {}],
    ['a wrong token', { 'X-Auth-Token': 'wadi_wrong' }],
    ['an empty token', { 'X-Auth-Token': '' }],
    ['a wrong bearer token', { Authorization: 'Bearer wrong' }],
    ['another scheme', { Authorization: 'Basic d2FkaTp3YWRp' }],
  ])('answers %s with 401 in the words of Keystone and of Sahara', async (_, headers) => {
    for (const target of ['/v2/clusters', '/v2/nonsense', '/healthcheck']) {
      const response = await fetch(`${controller.url}${target}`, {
        headers: headers as Record<string, string>,
      });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('Keystone uri=');
      expect(await response.json()).toMatchObject({
        error: {
          code: 401,
          title: 'Unauthorized',
          message: 'The request you have made requires authentication.',
        },
        error_code: 401,
        error_name: 'UNAUTHORIZED',
        error_message: expect.stringMatching(
          /^The request you have made requires authentication\.\nError ID: [0-9a-f-]{36}$/,
        ),
      });
    }
  });

  test('takes the token in either header', async () => {
    for (const headers of [
      { 'X-Auth-Token': controller.token },
      { Authorization: `Bearer ${controller.token}` },
    ]) {
      const response = await fetch(`${controller.url}/v2/nonsense`, {
        headers: headers as Record<string, string>,
      });
      expect(response.status).toBe(404);
    }
  });

  test('answers unknown paths and methods as the router of Sahara does', async () => {
    const unknown = await controller.request('GET', '/v2/nonsense');
    expect(unknown.status).toBe(404);
    expect(unknown.body).toEqual({
      error: 404,
      error_message:
        'The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.',
    });
    expect(unknown.headers.get('openstack-api-version')).toBe('data-processing 2.0');
    expect(unknown.headers.get('vary')).toContain('OpenStack-API-Version');
    const method = await controller.request('PATCH', '/healthz');
    expect(method.status).toBe(405);
    expect(method.body).toMatchObject({ error: 405 });
    expect(method.headers.get('allow')).toContain('GET');
  });

  test('refuses a token in a path of another project', async () => {
    const foreign = await controller.request('GET', '/v2/22222222222222222222222222222222/plugins');
    expect(foreign.status).toBe(401);
    expect(foreign.body).toMatchObject({
      code: '401 Unauthorized',
      title: 'Unauthorized',
      error_code: 401,
      error_name: 'UNAUTHORIZED',
      error_message: expect.stringContaining('another project'),
    });
  });

  test.each([
    ['the name of another site', { Host: 'evil.example' }],
    ['the right name with another port', { Host: '127.0.0.1:1' }],
    ['another origin', { Origin: 'http://evil.example' }],
    ['an opaque origin', { Origin: 'null' }],
    ['the same name under https', { Origin: 'https://127.0.0.1' }],
  ])('refuses %s before anything else', async (_, headers) => {
    for (const target of ['/healthz', '/v2/clusters', '/nonsense']) {
      const { status, body } = await raw(controller.url, target, {
        ...headers,
        'X-Auth-Token': controller.token,
      });
      expect(status).toBe(403);
      expect(JSON.parse(body)).toMatchObject({ error_code: 403, error_name: 'FORBIDDEN', retryable: false });
    }
  });

  test.each([
    ['a target that names a host of its own', 'GET http://evil.example/healthz HTTP/1.1', ['Host: HERE']],
    ['no host', 'GET /healthz HTTP/1.0', []],
    ['an empty host', 'GET /healthz HTTP/1.1', ['Host:']],
    ['two hosts', 'GET /healthz HTTP/1.1', ['Host: HERE', 'Host: HERE']],
  ])('refuses %s', async (_, line, headers) => {
    const { host, port } = new URL(controller.url);
    const text = [line, ...headers, 'Connection: close', '', ''].join('\r\n').replaceAll('HERE', host);
    expect(await exchange(Number(port), text)).toMatch(/^HTTP\/1\.1 40[03] /);
  });

  test.each([
    ['no HTTP', 'HELO there\r\n\r\n', 400, 'BAD_REQUEST'],
    [
      'two lengths',
      'POST /v2/clusters HTTP/1.1\r\nHost: HERE\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
      'BAD_REQUEST',
    ],
    [
      'a length and chunks',
      'POST /v2/clusters HTTP/1.1\r\nHost: HERE\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'BAD_REQUEST',
    ],
    [
      'a long header',
      `GET / HTTP/1.1\r\nHost: HERE\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'REQUEST_TOO_LARGE',
    ],
  ])('answers %s as an error like any other, and hangs up', async (_, text, status, name) => {
    const { host, port } = new URL(controller.url);
    const answer = await exchange(Number(port), text.replaceAll('HERE', host));
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    const body = JSON.parse(answer.split('\r\n\r\n').at(-1) ?? '');
    expect(body).toMatchObject({ error_code: status, error_name: name, retryable: false });
    expect(body.error_message).not.toBe('');
  });

  test('serves its own pages: localhost, and its own origin', async () => {
    const { port } = new URL(controller.url);
    for (const headers of [
      { Host: `localhost:${port}` },
      { Host: `LOCALHOST:${port}` },
      { Origin: controller.url },
    ]) {
      expect((await raw(controller.url, '/healthz', headers)).status).toBe(200);
    }
  });

  test('offers no CORS', async () => {
    const response = await raw(controller.url, '/healthz', { Origin: controller.url }, 'OPTIONS');
    expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('keeps its private files private', () => {
    for (const name of ['token', 'master.key', 'wadi.log', 'endpoint'])
      expect(statSync(path.join(controller.data, name)).mode & 0o777).toBe(0o600);
    expect(statSync(controller.data).mode & 0o066).toBe(0);
  });
});

/** fetch() would put the Host header right. */
function raw(url: string, target: string, headers: Record<string, string>, method = 'GET') {
  const { hostname, port } = new URL(url);
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }>(
    (resolve, reject) => {
      const request = http.request({ host: hostname, port, path: target, method, headers }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      });
      request.on('error', reject);
      request.end();
    },
  );
}

function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
