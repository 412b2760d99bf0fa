import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenStack } from '@wadi/openstack';
import { inject } from 'vitest';
import type { Answer } from '../access/lab-controller.ts';
import {
  type Controller,
  type ControllerOptions,
  type Requests,
  requests,
  startController,
} from '../set-up/start-controller.ts';
import { cloudOf, labUser } from './project.ts';

/** Where machines in the lab see the controller come from, and where floating addresses are. */
export const controllerAddress = '203.0.113.1/32';
const networks = ['203.0.113.0/24', '10.20.0.0/24'];

interface Asks {
  request(method: string, target: string, body?: unknown): Promise<Answer>;
}

export interface LabController extends Requests {
  readonly controller: Controller;
  /** Of the project's member who is asking. */
  readonly token: string;
  stop(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
}

/**
 * A controller in front of the lab, with Keystone's sign-in; `settings` as in its configuration file. `on`: what another one
 * has left.
 */
export async function startLabController(
  openstack: OpenStack,
  settings: Readonly<Record<string, unknown>> = {},
  on: Pick<ControllerOptions, 'data' | 'database' | 'prefix'> = {},
): Promise<LabController> {
  const folder = mkdtempSync(path.join(inject('runFolder'), 'openstack-lab-'));
  const own = labUser('wadi', 'service');
  const write = (name: string, content: unknown) => {
    const file = path.join(folder, name);
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
    return file;
  };
  const config = write('wadi.yaml', {
    openstack: {
      cloud: 'lab',
      clouds_file: write('clouds.yaml', { clouds: { lab: cloudOf(own) } }),
      controller_networks: [controllerAddress],
    },
    allow_networks: networks,
    access_method: 'floating_ip',
    auth: 'keystone',
    keystone_url: own.authUrl,
    keystone_credential: write('credential.yaml', {
      ...{ username: own.name, password: own.password, project: own.project },
    }),
    keystone_allow_http: true,
    verify_every_seconds: 3600,
    ...settings,
  });
  const controller = await startController({ ...on, args: ['--config', config] });
  const token = await tokenOf(openstack);
  return {
    controller,
    token,
    request: requests(controller.url, token).request,
    async stop() {
      await controller.stop();
    },
    kill: () => controller.kill(),
  };
}

/** A token as the `openstack` command would get it. */
async function tokenOf(openstack: OpenStack): Promise<string> {
  const { authUrl, name, password, project } = labUser('demo', 'demo');
  const domain = { name: 'Default' };
  const identity = { methods: ['password'], password: { user: { name, password, domain } } };
  const body = { auth: { identity, scope: { project: { name: project, domain } } } };
  await openstack.identity();
  const answer = await fetch(`${authUrl}/auth/tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  await answer.arrayBuffer();
  return answer.headers.get('x-subject-token') ?? '';
}

/** The cluster once it is in one of these states; its error when it is in another that lasts. */
export async function until(
  api: Requests,
  id: string,
  status: string,
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of it by using it.
): Promise<any> {
  for (;;) {
    const { body } = await api.request('GET', `/v2/clusters/${id}`);
    const { cluster } = body;
    if (cluster?.status === status) return cluster;
    if (cluster === undefined || cluster.status === 'Error')
      throw new Error(`the cluster is ${cluster?.status ?? 'gone'}: ${cluster?.status_description}`);
    await sleep(1000);
  }
}

export async function untilGone(api: Requests, id: string): Promise<void> {
  while ((await api.request('GET', `/v2/clusters/${id}`)).status !== 404) await sleep(1000);
}

/** What a command printed, by machine; it must succeed on all. */
export async function runOnAll(api: Asks, id: string, command: string): Promise<Record<string, string>> {
  const started = await api.request('POST', `/v2/clusters/${id}/runs`, { command });
  if (started.status !== 202) throw new Error(JSON.stringify(started.body));
  const place = `/v2/clusters/${id}/runs/${started.body.run.id}`;
  for (;;) {
    const { run } = (await api.request('GET', `${place}?wait=20`)).body;
    if (run.status === 'running') continue;
    const failed = run.targets.filter((target: { status: string }) => target.status !== 'succeeded');
    if (failed.length > 0) throw new Error(JSON.stringify(failed));
    const output: Record<string, string> = {};
    for (const { instance_name: name, instance_id: instance } of run.targets) {
      const answer = await api.request('GET', `${place}/output?instance=${instance}&stream=stdout`);
      output[name] = String(answer.body).trim();
    }
    return output;
  }
}
