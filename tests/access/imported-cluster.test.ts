import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { type Answer, importOf, LabController } from './lab-controller.ts';

let lab: Lab;
let wadi: LabController;
let cluster: Answer['body'];

beforeAll(async () => {
  lab = await labUp({ machines: 3 });
  wadi = await LabController.start(lab);
  cluster = await wadi.import(importOf(lab, 'lab'));
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

describe('a cluster of machines that exist', () => {
  it('becomes Active, with its machines under their own names', async () => {
    expect(cluster.status_description).toBe('');
    expect(cluster.status).toBe('Active');
    const names = cluster.node_groups.map((group: Answer['body']) => [
      group.name,
      group.is_proxy,
      group.instances.map((each: Answer['body']) => each.instance_name),
    ]);
    expect(names).toEqual([
      ['proxy', true, ['proxy-1']],
      ['machines', false, ['machine-1', 'machine-2', 'machine-3']],
    ]);
    expect(
      cluster.provision_progress.map((step: Answer['body']) => [step.step_name, step.successful]),
    ).toEqual([
      ['Run instances', true],
      ['Wait for instance accessibility', true],
    ]);
  });

  it('cannot be reached but through its proxy', async () => {
    const [machine] = lab.inventory.machines;
    const direct = await lab.inController([
      'socat',
      '-u',
      `TCP:${machine?.internalIp}:22,connect-timeout=2`,
      '-',
    ]);
    expect(direct.status).not.toBe(0);
  });

  it('shows the route of each machine and who vouches for its key', async () => {
    const { body } = await wadi.request('GET', `/v2/clusters/${cluster.id}/instances`);
    const routes = body.instances.map((each: Answer['body']) => [each.name, each.route.text]);
    expect(routes).toEqual([
      ['proxy-1', 'tcp > proxy-1'],
      ['machine-1', 'tcp > proxy-1 > machine-1'],
      ['machine-2', 'tcp > proxy-1 > machine-2'],
      ['machine-3', 'tcp > proxy-1 > machine-3'],
    ]);
    expect(body.instances[1].host_key).toEqual({
      fingerprints: [expect.stringMatching(/^SHA256:/)],
      keys: lab.inventory.machines[0]?.hostKeys,
      source: 'given',
    });
    expect(body.instances[1].route.hops).toEqual([
      { kind: 'tcp', host: '198.18.0.1', port: 22 },
      { kind: 'ssh', machine: 'proxy-1', host: '198.18.0.1', port: 22, relay: 'auto' },
    ]);
    expect(body.instances[0].management_ip).toBe('198.18.0.1');
    expect(body.instances[1].management_ip).toBeNull();
  });

  it('runs a command on all of its machines, over one connection to the proxy', async () => {
    const run = await wadi.run(cluster.id, { command: 'hostname' });
    expect(run.status).toBe('finished');
    for (const target of run.targets) {
      expect(target).toMatchObject({ status: 'succeeded', exit_status: 0, signal: null, error: null });
      expect((await wadi.output(run, target.instance_name)).toString()).toBe(`${target.instance_name}\n`);
      expect(target.stdout_bytes).toBe(target.instance_name.length + 1);
    }
    expect(run.targets.map((target) => target.route)).toContain('tcp > proxy-1 > machine-2');
    expect(await lab.sshConnections('proxy-1')).toBe(1);
  });

  it('fetches the web page of each machine through the proxy', async () => {
    for (const { name } of lab.inventory.machines) {
      const page = await wadi.fetch(`/v2/clusters/${cluster.id}/instances/${name}/http/8080/`);
      expect([page.status, await page.text()]).toEqual([200, `hello from ${name}\n`]);
      expect(page.headers.get('content-security-policy')).toBe('sandbox');
      expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('answers a missing page and a closed port differently', async () => {
    const missing = await wadi.fetch(`/v2/clusters/${cluster.id}/instances/machine-1/http/8080/none?a=b`);
    expect(missing.status).toBe(404);
    await missing.text();
    const closed = await wadi.request('GET', `/v2/clusters/${cluster.id}/instances/machine-1/http/9/`);
    expect(closed.status).toBe(502);
    expect(closed.body).toMatchObject({ error_name: 'TARGET_UNREACHABLE', hop: 'machine-1' });
  });

  it('is told in order by its events', async () => {
    const { body } = await wadi.request('GET', `/v2/clusters/${cluster.id}/events`);
    const told = body.events.filter((event: Answer['body']) => event.type === 'cluster.status');
    expect(told.map((event: Answer['body']) => event.body.status)).toEqual([
      'Validating',
      'InfraUpdating',
      'Spawning',
      'Waiting',
      'Preparing',
      'Configuring',
      'Starting',
      'Active',
    ]);
    const sequences = body.events.map((event: Answer['body']) => BigInt(event.sequence));
    expect([...sequences].sort((a, b) => (a < b ? -1 : 1))).toEqual(sequences);
  });
});

describe('a run', () => {
  it('tells success, failure, a signal and output that was cut apart', async () => {
    const kinds: [string, object][] = [
      ['exit 3', { status: 'failed', exit_status: 3, signal: null }],
      ['kill -KILL $$', { status: 'failed', exit_status: null, signal: 'KILL' }],
      ['echo out; echo err >&2', { status: 'succeeded', stdout_bytes: 4, stderr_bytes: 4, truncated: false }],
      ['head -c 5000 /dev/zero', { status: 'succeeded', stdout_bytes: 5000, truncated: true }],
    ];
    for (const [command, expected] of kinds) {
      const run = await wadi.run(cluster.id, { command, targets: ['machine-1'], max_output_bytes: 1000 });
      expect(run.targets).toEqual([expect.objectContaining(expected)]);
    }
  });

  it('keeps the bytes before the limit and reads them from any offset', async () => {
    const command = 'seq 1 200000';
    const run = await wadi.run(cluster.id, { command, targets: ['machine-2'], max_output_bytes: 1_300_000 });
    const whole = Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join('');
    expect(run.targets[0]).toMatchObject({ stdout_bytes: whole.length, truncated: whole.length > 1_300_000 });
    const kept = await wadi.output(run, 'machine-2');
    expect(kept.toString()).toBe(whole.slice(0, 1_300_000));
    const base = `/v2/clusters/${cluster.id}/runs/${run.id}/output?instance=machine-2&stream=stdout`;
    for (const offset of [
      1,
      65_535,
      65_536,
      65_537,
      1_000_001,
      kept.length - 1,
      kept.length,
      kept.length + 9,
    ]) {
      const page = await wadi.fetch(`${base}&offset=${offset}`);
      const bytes = Buffer.from(await page.arrayBuffer());
      expect(bytes.equals(kept.subarray(offset, offset + 1024 * 1024))).toBe(true);
      expect(page.headers.get('Wadi-Next-Offset')).toBe(String(offset + bytes.length));
    }
  });

  it('may write a GiB without a newline: what is kept is kept whole, the rest is counted', async () => {
    const command = 'head -c 1073741824 /dev/zero';
    const run = await wadi.run(cluster.id, { command, targets: ['machine-1'] });
    expect(run.targets).toMatchObject([{ status: 'succeeded', stdout_bytes: 1 << 30, truncated: true }]);
    expect((await wadi.output(run, 'machine-1')).equals(Buffer.alloc(8 << 20))).toBe(true);
  }, 120_000);

  it('gets its input and environment, quotes arguments, and runs as root', async () => {
    const targets = ['machine-1'];
    const stdin = Buffer.from([0, 1, 2, 255, 254]);
    const echoed = await wadi.run(cluster.id, {
      command: 'cat',
      targets,
      stdin_base64: stdin.toString('base64'),
    });
    expect(await wadi.output(echoed, 'machine-1')).toEqual(stdin);
    const odd = [`it's`, '$HOME', '"', 'a\nb', '-n', '', '*', '\\'];
    const printed = await wadi.run(cluster.id, { command: ['printf', '<%s>', ...odd], targets });
    expect((await wadi.output(printed, 'machine-1')).toString()).toBe(
      odd.map((each) => `<${each}>`).join(''),
    );
    const env = { WADI_TEST: `a b'$c` };
    const known = await wadi.run(cluster.id, { command: 'printf %s "$WADI_TEST"', env, targets });
    expect((await wadi.output(known, 'machine-1')).toString()).toBe(env.WADI_TEST);
    const root = await wadi.run(cluster.id, { command: 'id -u', as_root: true, targets });
    expect((await wadi.output(root, 'machine-1')).toString()).toBe('0\n');
  });

  it('leaves neither its input nor its environment behind', async () => {
    const [input, variable] = [randomUUID(), randomUUID()];
    plantSecret('run-input', input);
    plantSecret('run-variable', variable);
    const command = 'cat | wc -c; printf %s "$SECRET" | wc -c; sleep 1';
    const request = { command, stdin: input, env: { SECRET: variable }, targets: ['machine-1'] };
    const run = await wadi.run(cluster.id, request);
    expect((await wadi.output(run, 'machine-1')).toString().split(/\s+/).filter(Boolean)).toEqual([
      '36',
      '36',
    ]);
  });

  it('is the same run under the same id, however often it is asked for', async () => {
    const file = `/tmp/once-${randomUUID()}`;
    const request = { id: randomUUID(), command: `echo x >> ${file}; sleep 0.3` };
    const path = `/v2/clusters/${cluster.id}/runs`;
    const answers = await Promise.all(Array.from({ length: 10 }, () => wadi.request('POST', path, request)));
    expect(answers.map((answer) => [answer.status, answer.body.run.id])).toEqual(
      answers.map(() => [202, request.id]),
    );
    await wadi.ended(cluster.id, request.id);
    expect((await wadi.request('POST', path, request)).body.run.status).toBe('finished');
    const count = await wadi.run(cluster.id, { command: `wc -l < ${file}` });
    for (const { instance_name: name } of count.targets)
      expect((await wadi.output(count, name)).toString().trim()).toBe('1');
    const other = await wadi.request('POST', path, { ...request, as_root: true });
    expect(other.status).toBe(409);
  });

  it('ends at its deadline, and its processes with it', async () => {
    const mark = `987.${Date.now() % 1_000_000}`;
    const request = { command: `echo begun; sleep ${mark}; echo never`, targets: ['machine-3'] };
    const run = await wadi.run(cluster.id, { ...request, timeout_seconds: 1 });
    expect(run.targets[0]).toMatchObject({ status: 'failed', error: { code: 'TIMEOUT' } });
    expect((await wadi.output(run, 'machine-3')).toString()).toBe('begun\n');
    await expectNone(mark);
  });

  it('is cancelled on every machine, and its processes end', async () => {
    const mark = `986.${Date.now() % 1_000_000}`;
    const answer = await wadi.request('POST', `/v2/clusters/${cluster.id}/runs`, {
      command: `echo on; sleep ${mark}`,
    });
    const path = `/v2/clusters/${cluster.id}/runs/${answer.body.run.id}`;
    for (const { instance_name: name } of answer.body.run.targets) {
      const page = await wadi.fetch(`${path}/output?instance=${name}&stream=stdout&wait=30`);
      expect([await page.text(), page.headers.get('Wadi-End')]).toEqual(['on\n', 'false']);
    }
    expect((await wadi.request('POST', `${path}/cancel`)).status).toBe(202);
    const run = await wadi.ended(cluster.id, answer.body.run.id);
    expect(run.status).toBe('cancelled');
    expect(new Set(run.targets.map((target) => target.status))).toEqual(new Set(['cancelled']));
    await expectNone(mark);
  });

  it('is listed newest first, page by page', async () => {
    const path = `/v2/clusters/${cluster.id}/runs`;
    const all = (await wadi.request('GET', path)).body.runs;
    expect(all.length).toBeGreaterThan(5);
    const times = all.map((run: Answer['body']) => run.created_at);
    expect([...times].sort().reverse()).toEqual(times);
    const first = (await wadi.request('GET', `${path}?limit=2`)).body.runs;
    const next = (await wadi.request('GET', `${path}?limit=2&marker=${first[1].id}`)).body.runs;
    expect([...first, ...next].map((run) => run.id)).toEqual(
      all.slice(0, 4).map((run: Answer['body']) => run.id),
    );
  });
});

/** No process with this in its arguments is left on any machine. */
async function expectNone(mark: string): Promise<void> {
  const run = await wadi.run(cluster.id, {
    command: `ps -eo args | grep -c '[s]leep ${mark}'`,
    targets: ['machines'],
  });
  for (const { instance_name: name } of run.targets)
    expect((await wadi.output(run, name)).toString().trim()).toBe('0');
}
