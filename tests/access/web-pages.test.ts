import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
import { importOf, LabController } from './lab-controller.ts';

let lab: Lab;
let wadi: LabController;
let pages: ChildProcess;
let base: string;

beforeAll(async () => {
  lab = await labUp({ machines: 1 });
  const script = fileURLToPath(new URL('page-server.ts', import.meta.url));
  const [program = '', ...argv] = lab.machineArgv('machine-1', [process.execPath, '--import', 'tsx', script]);
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  pages = child;
  await once(child.stdout, 'data');
  wadi = await LabController.start(lab);
  const cluster = await wadi.import(importOf(lab, 'pages'));
  expect(cluster.status).toBe('Active');
  base = `/v2/clusters/${cluster.id}/instances/machine-1/http`;
});
afterAll(async () => {
  await wadi?.stop();
  pages?.kill('SIGKILL');
  await lab?.down();
});

describe('a web page of a machine', () => {
  it('gets the path, the query and the headers, and never our token', async () => {
    const response = await wadi.fetch(`${base}/9090/a%20b/..%2Fc?x=%26&y`, {
      method: 'PUT',
      headers: { 'X-Own': '1', Authorization: `Bearer ${wadi.controller.token}`, Cookie: 'a=b' },
      body: 'x',
    });
    const seen = (await response.json()) as { method: string; url: string; headers: Record<string, string> };
    expect(seen.method).toBe('PUT');
    expect(seen.url).toBe('/a%20b/..%2Fc?x=%26&y');
    expect(seen.headers['x-own']).toBe('1');
    expect(seen.headers.host).toBe('machine-1:9090');
    expect(JSON.stringify(seen)).not.toContain(wadi.controller.token);
    expect(seen.headers).not.toHaveProperty('cookie');
  });

  it.each([
    ['http/9090/a/../b//c?d=../e', '/a/../b//c?d=../e'],
    ['%68ttp/9090/a?b', '/a?b'],
    ['http/9090/a/%2e%2E/b;c', '/a/%2e%2E/b;c'],
  ])('gets %s as it was written', async (path, expected) => {
    const answer = await wadi.raw(`${base.replace(/http$/, '')}${path}`);
    expect(JSON.parse(answer).url).toBe(expected);
  });

  it('answers at the root with and without a slash', async () => {
    for (const path of ['', '/']) {
      const seen = (await (await wadi.fetch(`${base}/9090${path}`)).json()) as { url: string };
      expect(seen.url).toBe('/');
    }
  });

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'POST'])('is asked by %s', async (method) => {
    const response = await wadi.fetch(`${base}/9090/`, { method });
    expect(response.status).toBe(200);
    const text = await response.text();
    if (method !== 'HEAD') expect(JSON.parse(text).method).toBe(method);
  });

  it('redirects its caller itself, and sets no cookie here', async () => {
    const response = await wadi.fetch(`${base}/9090/moved`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, '/elsewhere']);
    expect(response.headers.get('x-machine')).toBe('yes');
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  it('takes and gives back 20 MiB, byte for byte', async () => {
    const body = randomBytes(20 << 20);
    const response = await wadi.fetch(`${base}/9090/echo`, { method: 'POST', body });
    const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(sum(Buffer.from(await response.arrayBuffer()))).toBe(sum(body));
  });

  it('comes as it is made, and its connection ends when the caller goes', async () => {
    const gone = new AbortController();
    const response = await wadi.fetch(`${base}/9090/endless`, { signal: gone.signal });
    for await (const chunk of response.body ?? []) {
      expect(Buffer.from(chunk).toString()).toContain('tick');
      break;
    }
    gone.abort();
    for (let tries = 0; ; tries++) {
      const { endless } = (await (await wadi.fetch(`${base}/9090/state`)).json()) as { endless: number };
      if (endless === 0) break;
      expect(tries).toBeLessThan(200);
      await sleep(50);
    }
  });

  it.each([
    ['a closed port', '9/', 502, { error_name: 'TARGET_UNREACHABLE', hop: 'machine-1' }],
    ['a port that speaks something else', '9091/', 502, { error_name: 'HTTP_FAILED', hop: 'machine-1' }],
    ['a connection that is cut', '9090/cut', 502, { error_name: 'HTTP_FAILED', hop: 'machine-1' }],
    ['port 0', '0/', 400, { error_name: 'INVALID_DATA' }],
    ['port 65536', '65536/', 400, { error_name: 'INVALID_DATA' }],
    ['a port that is no number', '80a/', 400, { error_name: 'INVALID_DATA' }],
    ['a port with a zero in front', '080/', 400, { error_name: 'INVALID_DATA' }],
  ])('is a clear error for %s', async (_, path, status, body) => {
    const answer = await wadi.request('GET', `${base}/${path}`);
    expect(answer).toMatchObject({ status, body });
    expect(answer.body.error_message).toContain('Error ID');
  });

  it.each([
    ['200 OK\r\nX-Title: 日本 ü\r\nContent-Length: 10\r\n\r\n', 200, 'xxxxxxxxxx'],
    ['103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n', 200, 'xxxxxxxxxx'],
    ['999 Beyond\r\n\r\n', 502, 'HTTP_FAILED'],
    ['000 Below\r\n\r\n', 502, 'HTTP_FAILED'],
  ])('may answer %j, and its endless rest is not waited for', async (text, status, part) => {
    const response = await wadi.fetch(`${base}/9092/?${encodeURIComponent(text)}`);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(part);
    for (let tries = 0; ; tries++) {
      const { hostile } = (await (await wadi.fetch(`${base}/9090/state`)).json()) as { hostile: number };
      if (hostile === 0) break;
      expect(tries).toBeLessThan(100);
      await sleep(50);
    }
  });

  it('says to the sender of a long body what is wrong', async () => {
    const body = randomBytes(20 << 20);
    const response = await wadi.fetch(`${base}/9091/`, { method: 'POST', body });
    expect([response.status, await response.text()]).toEqual([502, expect.stringContaining('HTTP_FAILED')]);
  });

  it("of a proxy is opened from within the proxy, never on the controller's own network", async () => {
    const own = Number(new URL(wadi.controller.url).port);
    const answer = await wadi.request('GET', `${base.replace('machine-1', 'proxy-1')}/${own}/healthz`);
    expect(answer).toMatchObject({ status: 502, body: { hop: 'proxy-1' } });
  });
});
