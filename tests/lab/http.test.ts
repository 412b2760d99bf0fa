import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { IndirectAccess, type Route } from '@wadi/indirect-access';
import { type Dispatcher, fetch, request, WebSocket } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { selfSigned } from '../set-up/certificate.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import { labRoute } from '../set-up/lab-route.ts';

const certificate = selfSigned('inner.example');
let lab: Lab;
let server: ChildProcess;
let access: IndirectAccess;
let route: Route;
let dispatcher: Dispatcher;

beforeAll(async () => {
  lab = await labUp({ machines: 1 });
  const script = fileURLToPath(new URL('web-server.ts', import.meta.url));
  const [program = '', ...argv] = lab.machineArgv('machine-1', [process.execPath, '--import', 'tsx', script]);
  const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(certificate));
  server = child;
  await once(child.stdout, 'data');
  route = labRoute(lab.inventory, 'machine-1', { door: await lab.door('proxy-1') });
});
afterAll(async () => {
  server?.kill('SIGKILL');
  await lab?.down();
});
beforeEach(() => {
  access = new IndirectAccess({ identity: () => ({ privateKey: lab.privateKey }) });
  dispatcher = access.dispatcher(route, { tls: { ca: certificate.cert } });
});
afterEach(async () => {
  await dispatcher.destroy();
  await access.close();
});

test('the port of the URL is the port of the machine, and its name only the Host header', async () => {
  const page = await fetch('http://no-such-name.invalid:8080/', { dispatcher });
  expect(await page.text()).toBe('hello from machine-1\n');
  const other = await fetch('http://no-such-name.invalid:9080/', { dispatcher });
  expect(await other.json()).toMatchObject({ host: 'no-such-name.invalid:9080' });
});

test('connections are kept alive and used again', async () => {
  const ask = async () =>
    (await (await fetch('http://keep:9080/', { dispatcher })).json()) as { connections: number };
  const { connections } = await ask();
  for (let repeat = 0; repeat < 10; repeat += 1) {
    // undici rests a socket for one turn of the event loop, so a quick next request may take a second one.
    expect((await ask()).connections).toBeLessThanOrEqual(connections + 1);
  }
});

test('many requests at once each get their own answer', async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const response = await fetch('http://many:9080/', {
        dispatcher,
        method: 'POST',
        body: `request ${index}`,
      });
      return response.text();
    }),
  );
  expect(answers).toEqual(answers.map((_, index) => `request ${index}`));
});

test('large bodies pass in both directions', async () => {
  const body = Buffer.alloc(8 << 20, 'wadi');
  const echoed = await request('http://large:9080/', { dispatcher, method: 'POST', body });
  expect(Buffer.from(await echoed.body.arrayBuffer()).equals(body)).toBe(true);
  const large = await request('http://large:9080/large', { dispatcher });
  expect((await large.body.arrayBuffer()).byteLength).toBe(8 << 20);
});

test('HTTPS checks the certificate against the name in the URL', async () => {
  const page = await fetch('https://inner.example:9443/', { dispatcher });
  expect(await page.json()).toMatchObject({ host: 'inner.example:9443' });
  await expect(fetch('https://other.example:9443/', { dispatcher })).rejects.toMatchObject({
    cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
  });
  const strict = access.dispatcher(route);
  await expect(fetch('https://inner.example:9443/', { dispatcher: strict })).rejects.toMatchObject({
    cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  });
  await strict.destroy();
});

test.each(['ws://socket:9080/', 'wss://inner.example:9443/'])('a WebSocket to %s echoes', async (url) => {
  const socket = new WebSocket(url, { dispatcher });
  const opened = once(socket as unknown as EventTarget, 'open');
  await opened;
  const answer = once(socket as unknown as EventTarget, 'message');
  socket.send('over the tunnel');
  expect(((await answer)[0] as { data: unknown }).data).toBe('over the tunnel');
  const closed = once(socket as unknown as EventTarget, 'close');
  socket.close(1000);
  await closed;
});

test('a port where nothing listens fails with an error that says so', async () => {
  await expect(fetch('http://closed:7999/', { dispatcher })).rejects.toMatchObject({
    cause: { name: 'AccessError', code: 'TARGET_UNREACHABLE' },
  });
  await expect(request('http://closed:7999/', { dispatcher })).rejects.toMatchObject({
    code: 'TARGET_UNREACHABLE',
  });
});

test('TLS with a server that speaks something else fails, and leaves no channel', async () => {
  await expect(fetch('https://inner.example:8080/', { dispatcher })).rejects.toThrow('fetch failed');
  await expect.poll(() => access.stats().channels).toBe(0);
});

test('an answer that breaks off and one that never comes are errors of that request only', async () => {
  await expect(fetch('http://breaks:9080/cut', { dispatcher })).rejects.toThrow('fetch failed');
  await expect(
    request('http://breaks:9080/silent', { dispatcher, headersTimeout: 300 }),
  ).rejects.toMatchObject({
    code: 'UND_ERR_HEADERS_TIMEOUT',
  });
  expect((await fetch('http://breaks:9080/', { dispatcher })).status).toBe(200);
});

test('closing the dispatcher gives every channel back', async () => {
  await Promise.all(
    Array.from({ length: 10 }, () => fetch('http://close:9080/', { dispatcher }).then((page) => page.text())),
  );
  expect(access.stats().channels).toBeGreaterThan(0);
  await dispatcher.close();
  await expect.poll(() => access.stats().channels).toBe(0);
});
