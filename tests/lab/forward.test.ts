import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { IndirectAccess, type Route } from '@wadi/indirect-access';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../set-up/certificate.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import { labRoute } from '../set-up/lab-route.ts';

let lab: Lab;
let server: ChildProcess;
let access: IndirectAccess;
let route: Route;

beforeAll(async () => {
  lab = await labUp({ machines: 1 });
  const script = fileURLToPath(new URL('web-server.ts', import.meta.url));
  const [program = '', ...argv] = lab.machineArgv('machine-1', [process.execPath, '--import', 'tsx', script]);
  const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(selfSigned('inner.example')));
  server = child;
  await once(child.stdout, 'data');
  route = labRoute(lab.inventory, 'machine-1', { door: await lab.door('proxy-1') });
  access = new IndirectAccess({ identity: () => ({ privateKey: lab.privateKey }) });
});
afterAll(async () => {
  await access?.close();
  server?.kill('SIGKILL');
  await lab?.down();
});

test('a client that says everything and then listens gets the whole answer', async () => {
  const forward = await access.forward(route, { port: 9000 });
  expect(forward.host).toBe('127.0.0.1');
  const said = Buffer.alloc(16 << 20, 'wadi');
  const socket = connect({ port: forward.port, host: forward.host, allowHalfOpen: true });
  socket.end(said);
  expect((await buffer(socket)).equals(said)).toBe(true);
  await forward.close();
});

test('many connections pass at once', async () => {
  const forward = await access.forward(route, { port: 9000 });
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const socket = connect(forward.port, forward.host);
      socket.end(`client ${index}`);
      return (await buffer(socket)).toString();
    }),
  );
  expect(answers).toEqual(answers.map((_, index) => `client ${index}`));
  await forward.close();
});

test('what listens only on the loopback of the machine is reached from inside its session', async () => {
  const ask = async (host?: 'loopback') => {
    const forward = await access.forward(route, { port: 8081, ...(host ? { host } : {}) });
    const page = await fetch(`http://127.0.0.1:${forward.port}/`).then(
      (answer) => answer.text(),
      () => 'no answer',
    );
    await forward.close();
    return page;
  };
  expect(await ask('loopback')).toBe('only inside machine-1\n');
  expect(await ask()).toBe('no answer');
});

test('a port where nothing listens resets the client', async () => {
  const forward = await access.forward(route, { port: 9 });
  const socket = connect(forward.port, forward.host);
  await expect(buffer(socket)).rejects.toMatchObject({ code: 'ECONNRESET' });
  await forward.close();
});

test('closing ends what passes through, and the port is free again', async () => {
  const idle = access.stats().channels;
  const forward = await access.forward(route, { port: 9000 });
  const socket = connect(forward.port, forward.host);
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  socket.write('unfinished');
  await expect.poll(() => access.stats().channels).toBe(idle + 1);
  await forward.close();
  await forward.close();
  await closed;
  await expect.poll(() => access.stats().channels).toBe(idle);
  const again = await access.forward(route, { port: 9000, listen: { port: forward.port } });
  await expect(access.forward(route, { port: 9000, listen: { port: forward.port } })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
  await again.close();
});

test('a forward ends with the access that it belongs to', async () => {
  const other = new IndirectAccess({ identity: () => ({ privateKey: lab.privateKey }) });
  const forward = await other.forward(route, { port: 9000 });
  const socket = connect(forward.port, forward.host);
  socket.end('through');
  expect((await buffer(socket)).toString()).toBe('through');
  await other.close();
  await expect(once(connect(forward.port, forward.host), 'connect')).rejects.toMatchObject({
    code: 'ECONNREFUSED',
  });
});
