import { loadCloud, OpenStack, type OpenStackOptions } from '@wadi/openstack';
import { plantSecret } from '../run-folder.ts';
import { cinderRoutes } from './cinder.ts';
import { writeCloudsFile } from './clouds-file.ts';
import type { Faults } from './faults.ts';
import { FrontDoor, type Logged } from './front-door.ts';
import { type Furnished, type Furniture, furnish } from './furnish.ts';
import { Glance, glanceRoutes } from './glance.ts';
import type { Hooks } from './hooks.ts';
import { type Inventory, inventoryOf } from './inventory.ts';
import { credentialRoutes } from './keystone/credential-routes.ts';
import { directoryRoutes } from './keystone/directory-routes.ts';
import { Identity, type UserSpec } from './keystone/identity.ts';
import { tokenRoutes } from './keystone/token-routes.ts';
import { trustRoutes } from './keystone/trust-routes.ts';
import { makeKinds } from './neutron/kinds.ts';
import { Neutron } from './neutron/neutron.ts';
import { neutronRoutes } from './neutron/neutron-routes.ts';
import { Life } from './nova/life.ts';
import { Nova } from './nova/nova.ts';
import { novaRoutes } from './nova/nova-routes.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { Clock, type World } from './world.ts';

export interface StandInOptions extends Partial<Furniture> {
  /** Default: `demo`, `other`, `services`. The first has the private network. */
  readonly projects?: readonly string[];
  /** Default: `demo` and `other` in the projects of their names, `wadi` in `services`, who may validate tokens. */
  readonly users?: readonly UserSpec[];
  readonly settings?: Partial<Settings>;
  readonly hooks?: Hooks;
}

const defaultUsers: readonly UserSpec[] = [
  { name: 'demo', roles: { demo: ['member', 'reader'] } },
  { name: 'other', roles: { other: ['member', 'reader'] } },
  { name: 'wadi', roles: { services: ['member', 'service'] } },
];

/**
 * An OpenStack in memory that answers as the real services do to what packages/openstack asks. There are no machines behind its
 * servers but those that a test's hooks attach.
 */
export class StandIn {
  /** A test may change them while it runs. */
  readonly settings: Settings;
  readonly hooks: Hooks;
  readonly faults: Faults;
  readonly requests: readonly Logged[];
  readonly furniture: Furnished;
  readonly #world: World;
  readonly #door: FrontDoor;
  readonly #life: Life;
  readonly #clients: OpenStack[] = [];

  private constructor(world: World, door: FrontDoor, life: Life, furniture: Furnished) {
    this.#world = world;
    this.#door = door;
    this.#life = life;
    this.settings = world.settings;
    this.hooks = world.hooks;
    this.faults = door.faults;
    this.requests = door.requests;
    this.furniture = furniture;
  }

  static async start(options: StandInOptions = {}): Promise<StandIn> {
    const { projects = ['demo', 'other', 'services'], users = defaultUsers, hooks = {} } = options;
    const identity = new Identity(projects, users);
    for (const name of ['admin', 'member', 'reader', 'service']) identity.role(name);
    for (const { name, password } of identity.users)
      plantSecret(`password of ${name} in the OpenStack stand-in`, password);
    const world: World = {
      settings: { ...defaultSettings(), ...options.settings },
      hooks: { ...hooks },
      identity,
      neutron: new Neutron(),
      nova: new Nova(),
      glance: new Glance(),
      clock: new Clock(),
      origin: '',
    };
    const kinds = makeKinds(world);
    const life = new Life(world, kinds);
    const door = new FrontDoor(world, [
      ...tokenRoutes(world),
      ...trustRoutes(world),
      ...credentialRoutes(world),
      ...directoryRoutes(world),
      ...novaRoutes(world, kinds, life),
      ...neutronRoutes(world, kinds),
      ...glanceRoutes(world),
      ...cinderRoutes(world),
    ]);
    const furniture = furnish(world, kinds, {
      privateRange: options.privateRange ?? '10.20.0.0/24',
      publicRange: options.publicRange ?? '203.0.113.0/24',
      images: options.images ?? {
        debian: { _sahara_username: 'debian' },
        'debian-lab': { _sahara_username: 'debian', wadi_user_data: 'script' },
      },
    });
    world.origin = await door.open();
    return new StandIn(world, door, life, furniture);
  }

  /** Ends in `/v3`. */
  get authUrl(): string {
    return `${this.#world.origin}/identity/v3`;
  }

  projectId(name: string): string {
    return this.#world.identity.projectNamed(name).id;
  }

  user(name: string): { readonly id: string; readonly password: string } {
    const { id, password } = this.#world.identity.userNamed(name);
    return { id, password };
  }

  /** Takes a role away, or gives one. */
  setRoles(user: string, project: string, roles: readonly string[]): void {
    this.#world.identity.userNamed(user).roles.set(this.projectId(project), [...roles]);
  }

  /** No token counts any more: neither a user's nor one of a trust. */
  expireTokens(): void {
    this.#world.identity.tokens.clear();
  }

  /** As if time had gone by: nobody can log in by it any more. */
  expireTrust(id: string): void {
    this.#world.identity.trusts.delete(id);
  }

  /** What happens by itself (BUILD to ACTIVE, a deletion, a late obedience) waits until `release()`. */
  hold(): void {
    this.#world.clock.hold();
  }

  release(): void {
    this.#world.clock.release();
  }

  inventory(project: string): Inventory {
    return inventoryOf(this.#world, this.projectId(project));
  }

  /** It is gone at once, with its ports, as if somebody else had deleted it. */
  loseServer(id: string): void {
    this.#life.lose(id);
  }

  /** A clouds.yaml with the cloud `stand-in` for a user, in a folder of its own. Returns its path. */
  cloudsFile(folder: string, user = 'demo', project = 'demo'): string {
    const { password } = this.user(user);
    return writeCloudsFile(folder, { authUrl: this.authUrl, username: user, password, project });
  }

  /** With short pauses; closed with the stand-in. */
  client(user = 'demo', project = 'demo', options: OpenStackOptions = {}): OpenStack {
    const limits = { firstPause: 5, longestPause: 20, ...options.limits };
    const config = loadCloud({
      environment: {
        OS_AUTH_URL: this.authUrl,
        OS_USERNAME: user,
        OS_PASSWORD: this.user(user).password,
        OS_PROJECT_NAME: project,
        OS_DEFAULT_DOMAIN: 'default',
        OS_REGION_NAME: 'RegionOne',
      },
    });
    const client = new OpenStack(config, { ...options, limits });
    this.#clients.push(client);
    return client;
  }

  /** Closes everything. Throws what hooks threw, and what went wrong in the stand-in itself. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#door.close();
    const { clock } = this.#world;
    await clock.stop();
    if (clock.problems.length > 0)
      throw new AggregateError(clock.problems, 'the OpenStack stand-in had problems');
  }
}
