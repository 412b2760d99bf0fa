import { createHash, randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plantSecret } from '../set-up/run-folder.ts';
import { type Controller, type ControllerOptions, startController } from '../set-up/start-controller.ts';
import { createCluster, outputOf, settled } from './sandbox-cluster.ts';

const examples = fileURLToPath(new URL('../../examples/plugins/', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'wadi-plugins-'));
const probe = { name: 'probe', version: '1', process: 'prober' };
const secret = `s'${randomBytes(8).toString('hex')}\\"$x`;
const wadiArgs = ['--sandbox', '--plugins', folder];
let wadi: Controller;
let again: ControllerOptions;

const text = `
name: probe
title: Probe
description: For tests.
labels: {}
versions:
  - version: '1'
    labels: {}
    processes: { probe: [prober] }
    configs:
      - { name: Fail, type: string, default: '', target: probe, scope: node }
      - { name: Size, type: int, default: 3, target: probe, scope: node }
      - { name: Port, type: int, default: 8080, target: probe, scope: cluster, variable: WEB_PORT }
      - { name: Password, type: string, secret: true, target: probe, scope: cluster }
    lifecycle:
      prober:
        install: { script: step.sh }
        configure: { script: step.sh }
        start: { script: step.sh, timeout: 3 }
        decommission: { script: step.sh }
        health:
          - { name: Marked, command: { script: health.sh } }
          - { name: Page, http: { port: WEB_PORT } }
        web:
          - { title: Status, port: WEB_PORT, path: / }
`;
const step = `#!/bin/sh
echo "$WADI_STEP" >>steps
cat >>input
printf '%s|%s|%s\\n' "$SIZE" "$PASSWORD" "$(env | grep -c PASSWORD)" >settings
[ "$FAIL" != slow ] || [ "$WADI_STEP" != install ] || sleep 3
[ "$FAIL" = "$WADI_STEP" ] || exit 0
echo "first line" >&2
printf 'the password is %s\\n\\033[31mbad\\n' "$PASSWORD" >&2
[ "$WADI_STEP" != start ] || sleep 60
exit 3
`;

beforeAll(async () => {
  cpSync(examples, folder, { recursive: true });
  await mkdir(path.join(folder, 'probe', 'scripts'), { recursive: true });
  await writeFile(path.join(folder, 'probe', 'plugin.yaml'), text);
  await writeFile(path.join(folder, 'probe', 'scripts', 'step.sh'), step);
  await writeFile(path.join(folder, 'probe', 'scripts', 'health.sh'), '#!/bin/sh\ncat settings\n');
  plantSecret('plugin-secret', secret);
  wadi = await startController({ args: wadiArgs });
});
afterAll(async () => {
  await wadi?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a plugin of an admin', () => {
  it('is shown with its processes, configs and image tags', async () => {
    const { status, body } = await wadi.request('GET', '/v2/plugins/probe/1');
    expect(status).toBe(200);
    expect(body.plugin).toMatchObject({
      node_processes: { probe: ['prober'], proxy: ['proxy'] },
      required_image_tags: [],
    });
    expect(body.plugin.configs.map((config: { name: string }) => config.name)).toEqual([
      'Fail',
      'Size',
      'Port',
      'Password',
    ]);
  });

  it('runs its steps on the machines of its processes, with their settings', async () => {
    const settings = { cluster_configs: { probe: { Password: secret } } };
    const cluster = await createCluster(wadi, probe, { name: 'well', count: 2, ...settings });
    expect(cluster.status_description).toBe('');
    expect(cluster.status).toBe('Active');
    expect(
      cluster.provision_progress
        .slice(2)
        .map((each: Record<string, unknown>) => [
          each.step_name,
          each.step_type,
          each.total,
          each.successful,
        ]),
    ).toEqual([
      ['Install prober', 'Plugin: configure cluster', 2, true],
      ['Configure prober', 'Plugin: configure cluster', 2, true],
      ['Start prober', 'Plugin: start cluster', 2, true],
      ['Wait until healthy', 'Plugin: start cluster', 2, true],
    ]);
    expect(await outputOf(wadi, cluster.id, 'well-node-1', 'cat steps; wc -c <input')).toMatch(
      /^install\nconfigure\nstart\n *0\n$/,
    );
    // Whole, and exported to no child.
    const digest = createHash('sha256').update(`3|${secret}|0\n`).digest('hex');
    expect(await outputOf(wadi, cluster.id, 'well-node-0', 'sha256sum <settings')).toContain(digest);
    expect(await outputOf(wadi, cluster.id, 'well-door-0', 'ls')).not.toContain('steps');
    expect(cluster.info.prober['Status (well-node-0)']).toBe(
      `/v2/clusters/${cluster.id}/instances/well-node-0/http/8080/`,
    );
    const page = await wadi.request('GET', cluster.info.prober['Status (well-node-1)']);
    expect(page.status).toBe(200);
  });

  it('shows a secret to nobody', async () => {
    const { body } = await wadi.request('GET', '/v2/clusters');
    const [cluster] = body.clusters.filter((each: { name: string }) => each.name === 'well');
    expect(cluster.cluster_configs).toEqual({ probe: { Password: '********' } });
    const template = {
      name: 'kept',
      plugin_name: 'probe',
      plugin_version: '1',
      cluster_configs: { probe: { Password: secret } },
    };
    const refused = await wadi.request('POST', '/v2/cluster-templates', template);
    expect([refused.status, refused.body.error_message]).toEqual([400, expect.stringContaining('Password')]);
    const copied = await createCluster(wadi, probe, {
      name: 'copied',
      count: 1,
      cluster_configs: cluster.cluster_configs,
    });
    expect(copied.error_message).toContain('the mask');
  });

  it('that fails says on which machine, in which step, how, and what it said, without its secrets', async () => {
    const cluster = await createCluster(wadi, probe, {
      name: 'badly',
      count: 1,
      cluster_configs: { probe: { Fail: 'configure', Password: secret } },
    });
    expect(cluster.status).toBe('Error');
    expect(cluster.status_description).toContain(
      'machine badly-node-0: process prober: configure (scripts/step.sh) ended with status 3: first line\n' +
        'the password is ********\n[31mbad',
    );
    const failed = cluster.provision_progress.at(-1);
    expect(failed).toMatchObject({ step_name: 'Configure prober', successful: false });
    expect(failed.events).toMatchObject([{ instance_name: 'badly-node-0', successful: false }]);
    expect(JSON.stringify(cluster)).not.toContain(secret.slice(2, 12));
  });

  it('that does not end is ended', async () => {
    const cluster = await createCluster(wadi, probe, {
      name: 'late',
      count: 1,
      cluster_configs: { probe: { Fail: 'start' } },
    });
    expect(cluster.status_description).toContain('start (scripts/step.sh) did not end within 3 seconds');
  });
});

describe('the example', () => {
  it('greets', async () => {
    const greeting = { name: 'greeting', version: '1.0', process: 'greeter' };
    const cluster = await createCluster(wadi, greeting, { name: 'hello', count: 2 });
    expect(cluster.status_description).toBe('');
    expect(await outputOf(wadi, cluster.id, 'hello-node-1', 'cat greeting')).toMatch(
      /^Hello from hello-node-1\nknows hello-node-0 at [0-9.]+\nknows hello-node-1 at [0-9.]+\n$/,
    );
  });
});

describe('a verification', () => {
  it('asks the plugin for its health', async () => {
    const { id } = await createCluster(wadi, probe, { name: 'sick', count: 2 });
    const checks = async () => {
      await wadi.request('PATCH', `/v2/clusters/${id}`, { verification: { status: 'START' } });
      for (;;) {
        const { verification } = (await wadi.request('GET', `/v2/clusters/${id}`)).body.cluster;
        if (verification && verification.status !== 'CHECKING') return verification;
        await sleep(100);
      }
    };
    const well = await checks();
    expect(well.status).toBe('GREEN');
    expect(well.checks).toContainEqual(
      expect.objectContaining({ name: 'Check of process prober', status: 'GREEN' }),
    );
    await outputOf(wadi, id, 'sick-node-1', 'rm settings');
    const sick = await checks();
    expect(sick.checks).toContainEqual(
      expect.objectContaining({
        name: 'Check of process prober',
        status: 'YELLOW',
        description: expect.stringContaining('sick-node-1: Marked: cat:'),
      }),
    );
  });
});

describe('a cluster that is scaled', () => {
  it('installs on what is new, takes leave of what goes, and configures all', async () => {
    const settings = { cluster_configs: { probe: { Password: secret } } };
    const { id } = await createCluster(wadi, probe, { name: 'more', count: 2, ...settings });
    const resize = async (count: number) => {
      const body = { resize_node_groups: [{ name: 'node', count }] };
      const answer = await wadi.request('PUT', `/v2/clusters/${id}`, body);
      expect(answer.status).toBe(202);
      return settled(wadi, id);
    };
    const grown = await resize(3);
    expect(grown.status_description).toBe('');
    expect(await outputOf(wadi, id, 'more-node-0', 'cat steps')).toBe(
      'install\nconfigure\nstart\nconfigure\nstart\n',
    );
    expect(await outputOf(wadi, id, 'more-node-2', 'cat steps')).toBe('install\nconfigure\nstart\n');
    const shrunk = await resize(1);
    expect(shrunk.status_description).toBe('');
    const told = (type: string) =>
      shrunk.provision_progress
        .filter((step: { step_type: string }) => step.step_type === type)
        .map((step: { step_name: string; total: number }) => [step.step_name, step.total]);
    expect(told('Plugin: decommission cluster')).toEqual([['Decommission prober', 2]]);
    expect(Object.keys(shrunk.info.prober)).toEqual(['Status']);
  });
});

describe('a controller that dies while a script runs', () => {
  const slow = { cluster_configs: { probe: { Fail: 'slow' } } };

  async function beginAndKill(name: string): Promise<string> {
    const begun = createCluster(wadi, probe, { name, count: 1, ...slow }).catch(() => null);
    for (let id = ''; ; await sleep(50)) {
      const { body } = await wadi.request('GET', '/v2/clusters');
      id = body.clusters.find((each: { name: string }) => each.name === name)?.id ?? '';
      if (id === '') continue;
      const { cluster } = (await wadi.request('GET', `/v2/clusters/${id}`)).body;
      if (
        !cluster.provision_progress.some((each: { step_name: string }) => each.step_name === 'Install prober')
      )
        continue;
      const { data, databaseUrl } = wadi;
      await wadi.kill();
      await begun;
      again = { data, database: databaseUrl ? { url: databaseUrl } : 'own', args: wadiArgs };
      return id;
    }
  }

  it('is followed by one that runs it again', async () => {
    const id = await beginAndKill('resumed');
    wadi = await startController(again);
    const cluster = await settled(wadi, id);
    expect(cluster.status_description).toBe('');
    expect(await outputOf(wadi, id, 'resumed-node-0', 'tail -n 3 steps')).toBe('install\nconfigure\nstart\n');
  });

  it('is not followed by one that runs another script in its place', async () => {
    const id = await beginAndKill('changed');
    await writeFile(path.join(folder, 'probe', 'scripts', 'step.sh'), `${step}# changed\n`);
    wadi = await startController(again);
    const cluster = await settled(wadi, id);
    expect(cluster.status).toBe('Error');
    expect(cluster.status_description).toContain(
      'plugin probe 1 is not the one that the cluster was made with: its files have changed',
    );
    const { body } = await wadi.request('GET', `/v2/clusters/${id}/events`);
    expect(body.events).toContainEqual(expect.objectContaining({ type: 'plugin.changed' }));

    // Before a machine is made that could not be set up, or one is taken away that could not take its leave.
    const { clusters } = (await wadi.request('GET', '/v2/clusters')).body;
    const older = clusters.find((each: { name: string }) => each.name === 'resumed');
    for (const count of [0, 2]) {
      const resize = { resize_node_groups: [{ name: 'node', count }] };
      const refused = await wadi.request('PUT', `/v2/clusters/${older.id}`, resize);
      expect([refused.status, refused.body.error_name]).toEqual([400, 'INVALID_REFERENCE']);
      expect(refused.body.error_message).toContain('its files have changed');
    }
    expect((await settled(wadi, older.id)).status_description).toBe('');
  });
});
