import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Answer, type Environment, openEnvironment, recordedPlugins } from '../recorded-environment.ts';
import { type Body, known, type References } from './valid-body.ts';

const group = { flavor_id: '1', node_processes: ['datanode'] };
export const gate = { ...group, name: 'gate', count: 1, node_processes: ['proxy'], is_proxy: true };
export const inner = { ...group, name: 'inner', count: 1 };

const plugin = { plugin_name: 'fake', plugin_version: '0.1' };
const minimal = {
  'node-group-templates': { ...plugin, ...group },
  'cluster-templates': plugin,
  clusters: { ...plugin, default_image_id: known.image, neutron_management_network: known.network },
};
export type Kind = keyof typeof minimal;

interface Made {
  readonly id: string;
  readonly name: string;
}

/** A controller with what bodies refer to, and one of each kind. */
export class Target {
  readonly api: Environment;
  #made = 0;
  #references: References | undefined;
  readonly #first = new Map<Kind, Made>();

  private constructor(api: Environment) {
    this.api = api;
  }

  static async open(): Promise<Target> {
    // As many machines as the sandbox has addresses for; nothing but the wrong bodies comes near the other limits.
    const quotas = { instance: 200 };
    const target = new Target(await openEnvironment([recordedPlugins], 'fake', quotas));
    await target.#ask('POST', `/v2/images/${known.image}`, { username: 'cirros' });
    await target.#ask('PUT', `/v2/images/${known.image}/tags`, { tags: ['fake', '0.1'] });
    const nodeGroupTemplate = await target.make('node-group-templates', {});
    const groups = [gate, { name: 'inner', count: 1, node_group_template_id: nodeGroupTemplate.id }];
    const clusterTemplate = await target.make('cluster-templates', { node_groups: groups });
    target.#references = { nodeGroupTemplate: nodeGroupTemplate.id, clusterTemplate: clusterTemplate.id };
    target.#first.set('node-group-templates', nodeGroupTemplate);
    target.#first.set('cluster-templates', clusterTemplate);
    target.#first.set('clusters', await target.make('clusters', { node_groups: [] }));
    return target;
  }

  get references(): References {
    if (!this.#references) throw new Error('the target is not open');
    return this.#references;
  }

  /** A name that is no other's. */
  taken(kind: Kind): string {
    return this.#first.get(kind)?.name ?? '';
  }

  /** Stems are shorter than what is put behind them, so none is ever the name of something else. */
  unique(stem: unknown): string {
    this.#made += 1;
    return `${stem}-number-${this.#made}-x`;
  }

  async make(kind: Kind, fields: Body): Promise<Made> {
    const body = await this.#ask('POST', `/v2/${kind}`, {
      ...minimal[kind],
      name: this.unique('m'),
      ...fields,
    });
    return Object.values(body)[0] as Made;
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  async show(kind: Kind, id: string): Promise<any> {
    const shown = Object.values(await this.#ask('GET', `/v2/${kind}/${id}`))[0];
    // The look at its health goes on beside everything else.
    return { ...shown, verification: undefined };
  }

  /** The cluster when nobody is at work on it any more. */
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  async active(id: string): Promise<any> {
    for (const deadline = performance.now() + 60_000; ; await sleep(20)) {
      const cluster = await this.show('clusters', id);
      expect([cluster.status, cluster.status_description]).toEqual([expect.not.stringMatching('Error'), '']);
      if (cluster.status === 'Active') return cluster;
      if (performance.now() > deadline) throw new Error(`cluster ${cluster.name} stays ${cluster.status}`);
    }
  }

  async delete(id: string): Promise<void> {
    await this.#ask('PATCH', `/v2/clusters/${id}`, { is_protected: false });
    await this.#ask('DELETE', `/v2/clusters/${id}`);
  }

  async #ask(method: string, path: string, body?: unknown): Promise<object> {
    const answer = await this.api.request(method, path, body);
    expectSuccess(answer);
    return answer.body;
  }
}

export function expectSuccess(answer: Answer): void {
  expect({ status: answer.status, error: answer.body?.error_message }).toEqual({
    status: expect.toSatisfy((status) => status >= 200 && status < 300),
    error: undefined,
  });
}

/** What the answer shows under a name that was asked for is what was asked for. */
export function expectGiven(shown: Readonly<Record<string, unknown>>, asked: Body): void {
  for (const [key, value] of Object.entries(asked))
    if (key in shown && ['string', 'number', 'boolean'].includes(typeof value))
      expect([key, shown[key]]).toEqual([key, value]);
}

/** Refused so that whoever asked finds what to change. */
export function expectRefusal(
  answer: Answer,
  { field, told }: { readonly field: string; readonly told: string },
) {
  const { error_code, error_name, error_message = '', error_id, fields } = answer.body ?? {};
  expect({ status: answer.status, error_code, error_name, error_message, fields }).toEqual({
    ...{ status: 400, error_code: 400, error_name: expect.any(String) },
    error_message: expect.stringContaining(told),
    fields: expect.arrayContaining([field]),
  });
  expect(error_message.endsWith(`\nError ID: ${error_id}`)).toBe(true);
}
