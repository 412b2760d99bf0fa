import { randomBytes } from 'node:crypto';
import type { OpenStack, Service } from '@wadi/openstack';
import { Type } from 'typebox';
import { leftovers } from './leftovers.ts';
import type { Stage } from './stage.ts';

const Made = Type.Object({ id: Type.String() });

/** A user with a project of the same name and the role `member` in it, for one recording. */
export class ContractUser {
  readonly name: string;
  readonly password = randomBytes(16).toString('hex');
  readonly #administrator: OpenStack;
  readonly #keystone: Service;
  #userId = '';
  #projectId = '';

  constructor(administrator: OpenStack, name: string) {
    this.#administrator = administrator;
    this.#keystone = administrator.service('identity');
    this.name = name;
  }

  /** In place of those that a killed recording left. */
  async create(): Promise<void> {
    [this.#userId = ''] = await this.#find('users');
    [this.#projectId = ''] = await this.#find('projects');
    await this.remove();
    const common = { name: this.name, domain_id: 'default', enabled: true };
    this.#projectId = await this.#make('projects', 'project', common);
    this.#userId = await this.#make('users', 'user', { ...common, password: this.password });
    const roles = await this.#keystone.list('roles', Made, { path: ['roles'], query: { name: 'member' } });
    const path = ['projects', this.#projectId, 'users', this.#userId, 'roles', roles[0]?.id ?? ''];
    await this.#keystone.tell({ method: 'PUT', path });
  }

  /** With what the services made by themselves for it. Throws, and removes nothing, where anything else is there. */
  async remove(): Promise<void> {
    if (this.#projectId !== '') {
      const left = await leftovers(this.#administrator, this.#projectId, this.#userId);
      if (left.length > 0)
        throw new Error(`left in the project ${this.name}, delete it first: ${left.join(', ')}`);
      await this.#administrator.service('compute').remove(['os-quota-sets', this.#projectId]);
      await this.#administrator.service('network').remove(['quotas', this.#projectId], { missingOk: true });
    }
    if (this.#userId !== '') await this.#keystone.remove(['users', this.#userId], { missingOk: true });
    if (this.#projectId !== '')
      await this.#keystone.remove(['projects', this.#projectId], { missingOk: true });
  }

  readonly limit: Stage['limit'] = async (service, resource, limit) => {
    const [path, key] = service === 'compute' ? ['os-quota-sets', 'quota_set'] : ['quotas', 'quota'];
    const body = { [key]: { [resource]: limit } };
    await this.#administrator.service(service).tell({ method: 'PUT', path: [path, this.#projectId], body });
  };

  async #find(kind: string): Promise<string[]> {
    const request = { path: [kind], query: { name: this.name, domain_id: 'default' } };
    return (await this.#keystone.list(kind, Made, request)).map(({ id }) => id);
  }

  async #make(kind: string, one: string, wanted: object): Promise<string> {
    const request = { method: 'POST', path: [kind], body: { [one]: wanted } } as const;
    const answer = await this.#keystone.ask(Type.Object({ [one]: Made }), request);
    return (answer as Record<string, { id: string }>)[one]?.id ?? '';
  }
}
