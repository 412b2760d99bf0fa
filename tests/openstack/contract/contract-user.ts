import { randomBytes } from 'node:crypto';
import type { OpenStack, Service } from '@wadi/openstack';
import { Type } from 'typebox';
import type { Stage } from './stage.ts';

const Made = Type.Object({ id: Type.String() });
const named = (name: string) => Type.Object({ [name]: Made });

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

  async create(): Promise<void> {
    await this.#removeOld();
    const common = { name: this.name, domain_id: 'default', enabled: true };
    this.#projectId = await this.#make('projects', 'project', common);
    const user = { ...common, password: this.password };
    this.#userId = await this.#make('users', 'user', user);
    const roles = await this.#keystone.list('roles', Made, { path: ['roles'], query: { name: 'member' } });
    const path = ['projects', this.#projectId, 'users', this.#userId, 'roles', roles[0]?.id ?? ''];
    await this.#keystone.tell({ method: 'PUT', path });
  }

  /** With the security group that Neutron makes by itself, and the quotas. Throws if anything else is left there. */
  async remove(): Promise<void> {
    const left = await this.#leftovers();
    await this.#keystone.remove(['users', this.#userId], { missingOk: true });
    await this.#keystone.remove(['projects', this.#projectId], { missingOk: true });
    if (left.length > 0) throw new Error(`left in the project ${this.name}: ${left.join(', ')}`);
  }

  readonly limit: Stage['limit'] = async (service, resource, limit) => {
    const [path, key] = service === 'compute' ? ['os-quota-sets', 'quota_set'] : ['quotas', 'quota'];
    const body = { [key]: { [resource]: limit } };
    await this.#administrator.service(service).tell({ method: 'PUT', path: [path, this.#projectId], body });
  };

  async #leftovers(): Promise<string[]> {
    const left: string[] = [];
    const [compute, network] = [
      this.#administrator.service('compute'),
      this.#administrator.service('network'),
    ];
    const project = this.#projectId;
    const servers = { path: ['servers'], query: { all_tenants: true, project_id: project } };
    for (const { id } of await compute.list('servers', Made, servers)) left.push(`server ${id}`);
    const kinds = ['floatingips', 'routers', 'ports', 'subnets', 'networks', 'security-groups'];
    for (const kind of kinds) {
      const collection = kind.replace('-', '_');
      const all = { path: [kind], query: { project_id: project } };
      for (const one of await network.list(
        collection,
        Type.Object({ id: Type.String(), name: Type.Optional(Type.String()) }),
        all,
      ))
        if (one.name === 'default') await network.remove([kind, one.id]);
        else left.push(`${kind} ${one.id}`);
    }
    await compute.remove(['os-quota-sets', project]);
    await network.remove(['quotas', project], { missingOk: true });
    return left;
  }

  /** What a recording that was killed left behind. */
  async #removeOld(): Promise<void> {
    for (const kind of ['users', 'projects'])
      for (const { id } of await this.#keystone.list(kind, Made, {
        path: [kind],
        query: { name: this.name },
      }))
        await this.#keystone.remove([kind, id]);
  }

  async #make(kind: string, one: string, wanted: object): Promise<string> {
    const request = { method: 'POST', path: [kind], body: { [one]: wanted } } as const;
    const answer = await this.#keystone.ask(named(one), request);
    return (answer as Record<string, { id: string }>)[one]?.id ?? '';
  }
}
