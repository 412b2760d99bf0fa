import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Transport } from './transport.ts';
import { WadiClient } from './wadi-client.ts';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A real HTTP server that misbehaves as told. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const options = { token: 'the-token' };

describe('a call', () => {
  it('carries the token and returns the JSON of the answer', async () => {
    const url = await serve((request, response) =>
      response.end(JSON.stringify({ url: request.url, token: request.headers['x-auth-token'] })),
    );
    const transport = new Transport({ url: `${url}/`, ...options });
    await expect(transport.json('GET', '/v2/x', { query: { a: 1, b: undefined } })).resolves.toEqual({
      url: '/v2/x?a=1',
      token: 'the-token',
    });
  });

  it('that is refused says why, with the id apart from the text', async () => {
    const url = await serve((_, response) => {
      response.statusCode = 400;
      response.end(
        JSON.stringify({
          error_code: 400,
          error_name: 'INVALID_REFERENCE',
          error_message: 'no such plugin\nError ID: 4f0c',
          hint: 'see wadi plugins',
          retryable: false,
        }),
      );
    });
    await expect(new Transport({ url, ...options }).json('POST', '/v2/x')).rejects.toMatchObject({
      name: 'WadiError',
      status: 400,
      errorName: 'INVALID_REFERENCE',
      message: 'no such plugin',
      errorId: '4f0c',
      hint: 'see wadi plugins',
      retryable: false,
    });
  });

  it.each([
    ['{"error":{"code":401,"message":"authentication is required"}}', 401, 'UNAUTHORIZED'],
    ['<html>Bad gateway</html>', 502, 'CONTROLLER_UNREACHABLE'],
    ['{"error_name":"HTTP_FAILED","error_message":"m: port 80 does not speak HTTP"}', 502, 'HTTP_FAILED'],
    ['', 404, 'NOT_FOUND'],
  ])('that something else refuses with %s still has a name', async (body, status, errorName) => {
    const url = await serve((_, response) => {
      response.statusCode = status;
      response.end(body);
    });
    await expect(new Transport({ url, ...options }).json('POST', '/')).rejects.toMatchObject({
      status,
      errorName,
    });
  });

  it('to something that is not Wadi says so', async () => {
    const url = await serve((_, response) => response.end('hello'));
    await expect(new Transport({ url, ...options }).json('GET', '/')).rejects.toMatchObject({
      errorName: 'BAD_ANSWER',
    });
  });

  it('is never redirected: the token stays with the controller', async () => {
    let led = false;
    const elsewhere = await serve((_, response) => {
      led = true;
      response.end('{}');
    });
    const url = await serve((_, response) => response.writeHead(302, { location: elsewhere }).end());
    await expect(new Transport({ url, ...options }).json('GET', '/')).rejects.toMatchObject({ status: 302 });
    expect(led).toBe(false);
  });
});

describe('a lost connection', () => {
  it('is tried again for GET, also in the middle of the body', async () => {
    let calls = 0;
    const url = await serve((request, response) => {
      calls += 1;
      if (calls === 1) return request.socket.destroy();
      if (calls === 2) {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{"half":');
        setTimeout(() => request.socket.destroy(), 20);
        return;
      }
      if (calls === 3) return response.writeHead(503).end('{}');
      response.end('{"whole":true}');
    });
    await expect(new Transport({ url, ...options }).json('GET', '/')).resolves.toEqual({ whole: true });
    expect(calls).toBe(4);
  });

  it.each([502, 503, 504])('behind a balancer that says %i is one as well', async (status) => {
    let calls = 0;
    const url = await serve((_, response) => {
      calls += 1;
      if (calls % 2 === 1) return response.writeHead(status).end('<html>No controller</html>');
      response.end('{"whole":true}');
    });
    const transport = new Transport({ url, ...options });
    await expect(transport.json('GET', '/')).resolves.toEqual({ whole: true });
    await expect(transport.json('POST', '/')).rejects.toMatchObject({
      errorName: 'CONTROLLER_UNREACHABLE',
      retryable: status === 503,
    });
    expect(calls).toBe(3);
  });

  it('of a controller that could not get through to a machine is none', async () => {
    let calls = 0;
    const url = await serve((_, response) => {
      calls += 1;
      response.writeHead(502).end('{"error_name":"HTTP_FAILED","error_message":"m"}');
    });
    await expect(new Transport({ url, ...options }).json('GET', '/')).rejects.toMatchObject({
      errorName: 'HTTP_FAILED',
    });
    expect(calls).toBe(1);
  });

  it('is not tried again for POST', async () => {
    let calls = 0;
    const url = await serve((request) => {
      calls += 1;
      request.socket.destroy();
    });
    await expect(new Transport({ url, ...options }).json('POST', '/')).rejects.toMatchObject({
      errorName: 'CONTROLLER_UNREACHABLE',
      status: 0,
      retryable: true,
    });
    expect(calls).toBe(1);
  });

  it('repeats the POST of a run, with the id of the first time', async () => {
    const ids: unknown[] = [];
    const url = await serve(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      ids.push(JSON.parse(text).id);
      if (ids.length === 1) return request.socket.destroy();
      response.writeHead(202).end(JSON.stringify({ run: { id: ids[1] } }));
    });
    const run = await new WadiClient({ url, ...options }).runs.create('c', { command: 'true' });
    expect(ids).toEqual([run.id, run.id]);
    expect(run.id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('with nothing listening is a sentence with a hint', async () => {
    const transport = new Transport({ url: 'http://127.0.0.1:1', ...options });
    await expect(transport.json('POST', '/')).rejects.toMatchObject({
      errorName: 'CONTROLLER_UNREACHABLE',
      message: expect.stringContaining('http://127.0.0.1:1'),
      hint: expect.stringContaining('WADI_URL'),
    });
  });
});

describe('a call that takes too long', () => {
  it.each(['headers', 'body'])('ends at its deadline while the %s are awaited', async (part) => {
    const url = await serve((_, response) => {
      if (part === 'body') response.writeHead(200, { 'content-length': 10 }).write('{');
    });
    const call = new Transport({ url, ...options }).json('GET', '/', { timeout: 200 });
    await expect(call).rejects.toMatchObject({ errorName: 'TIMEOUT', retryable: true });
  });

  it('ends at its deadline while it is being repeated, and says what went wrong', async () => {
    const url = await serve((request) => request.socket.destroy());
    const call = new Transport({ url, ...options }).json('GET', '/', { timeout: 500, tries: 1000 });
    await expect(call).rejects.toMatchObject({ errorName: expect.stringMatching(/UNREACHABLE|TIMEOUT/) });
  });

  it('ends when its caller cancels it', async () => {
    const url = await serve(() => {});
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const call = new Transport({ url, ...options }).json('GET', '/', { signal: abort.signal });
    await expect(call).rejects.toMatchObject({ errorName: 'CANCELLED', retryable: false });
  });
});

describe('output', () => {
  it('goes on at the byte where the connection was lost', async () => {
    const text = Buffer.from('0123456789');
    const offsets: number[] = [];
    const url = await serve((request, response) => {
      const offset = Number(new URL(request.url ?? '', 'http://x').searchParams.get('offset'));
      offsets.push(offset);
      if (offsets.length === 2) return request.socket.destroy();
      const page = text.subarray(offset, offset + 4);
      const next = offset + page.length;
      const headers = { 'wadi-next-offset': next, 'wadi-end': String(next === text.length) };
      response.writeHead(200, headers).end(page);
    });
    const { runs } = new WadiClient({ url, ...options });
    const chunks: Uint8Array[] = [];
    for await (const chunk of runs.output('c', 'r', { instance: 'm', stream: 'stdout' })) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('0123456789');
    expect(offsets).toEqual([0, 4, 4, 8]);
  });
});

describe('fetching from a machine', () => {
  it.each(['/../../runs', '/%2e%2e/x', '..'])('refuses the path %s, which leads out of it', async (path) => {
    const url = await serve((_, response) => response.end('not this'));
    const { instances } = new WadiClient({ url, ...options });
    await expect(instances.fetch('c', { instance: 'm', port: 80, path })).rejects.toMatchObject({
      errorName: 'INVALID_ARGUMENT',
    });
  });

  it('passes path, query, method and body on and gives the answer as it is', async () => {
    const url = await serve(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      response
        .writeHead(418, { 'content-security-policy': 'sandbox' })
        .end(`${request.method} ${request.url} ${body}`);
    });
    const { instances } = new WadiClient({ url, ...options });
    const target = { instance: 'm 1', port: 8080, path: '/a/b?c=d' };
    const answer = await instances.fetch('c', target, { method: 'PUT', body: 'x' });
    expect(answer.status).toBe(418);
    expect(await answer.text()).toBe('PUT /v2/clusters/c/instances/m%201/http/8080/a/b?c=d x');
  });
});
