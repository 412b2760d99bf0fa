import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from '@wadi/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesNaming } from '../set-up/processes.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { type Controller, newDataDirectory, startController } from '../set-up/start-controller.ts';

/** Milliseconds; the machine may be busy with everything else. */
const patience = 120_000;

describe('the example cluster in the sandbox', () => {
  const data = newDataDirectory();
  const proxy = 'example-proxy-0';
  const workers = ['example-worker-0', 'example-worker-1', 'example-worker-2'];
  let controller: Controller;
  let clusterId: string;

  beforeAll(() => start(), patience);

  afterAll(async () => {
    const clusters = async () => {
      const { status, body } = await controller.request('GET', '/v2/clusters');
      expect(status, JSON.stringify(body)).toBe(200);
      return body.clusters;
    };
    for (const { id } of await clusters()) await controller.request('DELETE', `/v2/clusters/${id}`);
    // What the machines had among the temporary files goes with them.
    while ((await clusters()).length > 0) await sleep(20);
    await controller.stop();
  });

  async function start(): Promise<void> {
    controller = await startController({ data, database: 'own', args: ['--sandbox', '--example'] });
    for (const end = Date.now() + patience; Date.now() < end; await sleep(50)) {
      if (/The API is at|did not work out/.test(controller.output())) break;
    }
    const { body } = await controller.request('GET', '/v2/clusters');
    clusterId = body.clusters[0]?.id;
  }

  async function run(command: string | string[], targets: string[] = []): Promise<Run> {
    const runs = `/v2/clusters/${clusterId}/runs`;
    const { body } = await controller.request('POST', runs, { command, targets });
    return (await controller.request('GET', `${runs}/${body.run.id}?wait=30`)).body.run;
  }

  async function outputOf(run: Run, instance: string, stream = 'stdout'): Promise<string> {
    const query = `instance=${instance}&stream=${stream}`;
    const url = `/v2/clusters/${clusterId}/runs/${run.id}/output?${query}`;
    const answer = await fetch(`${controller.url}${url}`, { headers: { 'X-Auth-Token': controller.token } });
    return answer.text();
  }

  async function machine(name: string) {
    const { body } = await controller.request('GET', '/v2/sandbox/machines');
    return body.machines.find((each: { name: string }) => each.name === name);
  }

  it('shows for each machine its route, the output of a command and the status of its page', () => {
    const output = controller.output();
    const rows = output.split('\n').map((line) => line.split(/ {3,}/));
    for (const name of workers)
      expect(rows).toContainEqual([name, `tcp > ${proxy} > ${name}`, name, 'HTTP 200']);
    expect(rows).toContainEqual([proxy, `tcp > ${proxy}`, proxy, 'HTTP 200']);
    expect(output).toContain(`The API is at ${controller.url}`);
  });

  it('has machines that are reached through their proxy only, which counts it', async () => {
    expect(await machine(proxy)).toMatchObject({ is_proxy: true, running: true, connections: 1 });
    for (const name of workers) expect(await machine(name)).toMatchObject({ port: null });
    const { body } = await controller.request('GET', `/v2/clusters/${clusterId}/instances`);
    for (const { is_proxy, management_ip, host_key } of body.instances) {
      expect(management_ip).toBe(is_proxy ? '127.0.0.1' : null);
      expect(host_key).toMatchObject({ source: 'cloud' });
    }
    expect((await machine(proxy)).forwarded_channels).toBeGreaterThanOrEqual(workers.length);
  });

  it('fails by the name of the proxy when that is off, and works when it is back', async () => {
    const before = (await machine(proxy)).forwarded_channels;
    expect((await controller.request('POST', `/v2/sandbox/machines/${proxy}/stop`)).status).toBe(202);
    const failed = await run(['hostname'], workers);
    for (const target of failed.targets)
      expect(target).toMatchObject({ status: 'unreachable', error: { hop: proxy } });
    expect(await machine(proxy)).toMatchObject({
      running: false,
      connections: 0,
      forwarded_channels: before,
    });
    expect((await controller.request('POST', `/v2/sandbox/machines/${proxy}/start`)).status).toBe(202);
    const again = await run(['hostname'], workers);
    for (const target of again.targets) {
      expect(target).toMatchObject({ status: 'succeeded' });
      expect(await outputOf(again, target.instance_name)).toBe(`${target.instance_name}\n`);
    }
    expect((await machine(proxy)).forwarded_channels).toBe(before + workers.length);
  });

  it('answers an unknown machine with 404', async () => {
    const answer = await controller.request('POST', '/v2/sandbox/machines/nobody/stop');
    expect(answer).toMatchObject({ status: 404, body: { error_name: 'NOT_FOUND' } });
  });

  it.runIf(process.getuid?.() === 0)('keeps its commands away from the database and the keys', async () => {
    const postgres = realpathSync(path.join(data, 'postgres'));
    const files = [
      path.join(data, 'token'),
      path.join(data, 'master.key'),
      path.join(postgres, 'data', 'PG_VERSION'),
    ];
    const pid = readFileSync(path.join(postgres, 'data', 'postmaster.pid'), 'utf8').split('\n')[0];
    const script = `for file in ${files.join(' ')}; do cat $file; done; kill -0 ${pid}; ls ${postgres}`;
    const result = await run(script, [workers[0] as string]);
    expect(await outputOf(result, workers[0] as string)).toBe('');
  });

  it("opens a machine's ports from inside the machine: nothing of this computer is reached by a proxy", async () => {
    const { port } = new URL(controller.url);
    const page = `/v2/clusters/${clusterId}/instances/${proxy}/http`;
    expect((await controller.request('GET', `${page}/8080/`)).body).toContain(`<h1>${proxy}</h1>`);
    expect((await controller.request('GET', `${page}/${port}/healthz`)).status).toBe(502);
  });

  it('is there again after kill -9, and at the second start', async () => {
    const sleeping = run('echo $$; exec sleep 1000', [workers[0] as string]).catch(() => undefined);
    await expect.poll(() => processesNaming('sleep\x001000').length).toBeGreaterThan(0);
    await controller.kill();
    await sleeping;
    await start();
    expect(controller.output()).toContain("The cluster 'example' is there.");
    expect(processesNaming('sleep\x001000')).toEqual([]);
    const result = await run(['hostname']);
    expect(result.targets.map(({ status }) => status)).toEqual(Array(4).fill('succeeded'));
  });

  it('leaves nothing behind when it stops', async () => {
    for (const file of readdirSync(path.join(data, 'sandbox', 'machines')))
      plantSecret(
        'host-key',
        JSON.parse(readFileSync(path.join(data, 'sandbox', 'machines', file), 'utf8')).hostKey,
      );
    const { port } = await machine(proxy);
    expect(await controller.stop()).toBe(0);
    expect(processesNaming(data)).toEqual([]);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    await start();
    expect((await machine(proxy)).port).toBe(port);
  });
});
