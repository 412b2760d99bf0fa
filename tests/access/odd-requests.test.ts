import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Answer, type Controller, startController } from '../set-up/start-controller.ts';

let wadi: Controller;
let cluster: string;
let run: string;

beforeAll(async () => {
  wadi = await startController({ args: ['--sandbox'] });
  const group = { flavor_id: '1', node_processes: ['machine'], count: 1 };
  const created = await wadi.request('POST', '/v2/clusters', {
    name: 'odd',
    plugin_name: 'bare',
    plugin_version: '1.0',
    node_groups: [{ ...group, name: 'proxy', is_proxy: true }],
  });
  cluster = `/v2/clusters/${created.body.cluster.id}`;
  for (;;) {
    const { status } = (await wadi.request('GET', cluster)).body.cluster;
    if (status === 'Active') break;
    expect(status).not.toBe('Error');
    await sleep(50);
  }
  const started = await wadi.request('POST', `${cluster}/runs`, { command: 'true' });
  run = `${cluster}/runs/${started.body.run.id}`;
});
afterAll(() => wadi?.stop());

/** Each gets CLUSTER and RUN put in. */
it.each<[string, string, string, string, object?]>([
  ['an offset that is not whole', 'GET', 'RUN/output?instance=odd-proxy-0&stream=stdout&offset=1.5', 'whole'],
  ['a limit that is not whole', 'GET', 'CLUSTER/runs?limit=1.5', 'whole'],
  ['an instance with a NUL', 'GET', 'RUN/output?instance=%00&stream=stdout', 'cannot be stored'],
  ['half a character', 'POST', 'CLUSTER/runs', 'cannot be stored', { command: 'echo \ud800' }],
  ['sorting by what every object has', 'GET', '/v2/clusters?sort_by=constructor', 'Unknown field'],
  ['… and by its prototype', 'GET', '/v2/clusters?sort_by=-__proto__', 'Unknown field'],
  ['a path that cannot be decoded', 'GET', 'CLUSTER/%zz', 'not a valid url'],
])('%s is the mistake of who asks', async (_, method, target, part, body) => {
  const answer = await wadi.request(method, target.replace('RUN', run).replace('CLUSTER', cluster), body);
  expect([answer.status, answer.body.error_code]).toEqual([400, 400]);
  expect(answer.body.error_message).toContain(part);
});

it('eight MiB of input come in as base64', async () => {
  const stdin = Buffer.alloc(8 << 20, 'x').toString('base64');
  const { status, body } = await wadi.request('POST', `${cluster}/runs`, {
    command: 'wc -c',
    stdin_base64: stdin,
  });
  expect(status).toBe(202);
  let ended: Answer;
  do ended = await wadi.request('GET', `${cluster}/runs/${body.run.id}?wait=30`);
  while (ended.body.run.status === 'running');
  const output = `${cluster}/runs/${body.run.id}/output?instance=odd-proxy-0&stream=stdout`;
  expect((await wadi.request('GET', output)).body.trim()).toBe(String(8 << 20));
});

it('a defect was found by none of this', () => {
  expect(readFileSync(path.join(wadi.data, 'wadi.log'), 'utf8')).not.toContain('failed unexpectedly');
});
