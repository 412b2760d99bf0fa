// Runs in the controller's network: breaks machines where that needs a login, then explains every case at once.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstanceExplanation } from '@wadi/api';
import { type Deadlines, IndirectAccess } from '@wadi/indirect-access';
import type { AccessSettings, ClusterFacts } from '../../packages/controller/src/access/cluster-facts.ts';
import { ClusterReach } from '../../packages/controller/src/access/cluster-reach.ts';
import { explainInstance } from '../../packages/controller/src/access/explain-instance.ts';
import { RouteHealth } from '../../packages/controller/src/access/route-health.ts';
import { RouteSelector } from '../../packages/controller/src/access/route-selector.ts';
import type { LabInventory } from '../set-up/lab.ts';
import { labRoute } from '../set-up/lab-route.ts';

export interface ExplainCase {
  readonly facts: ClusterFacts;
  readonly settings: AccessSettings;
  /** Name of the machine to explain. */
  readonly machine: string;
  readonly deadlines: Partial<Deadlines>;
  /** What the cloud says, by name. */
  readonly power: Readonly<Record<string, 'on' | 'off' | 'gone'>>;
}

export interface ExplainInput {
  readonly inventory: LabInventory;
  /** By credential. */
  readonly keys: Readonly<Record<string, string>>;
  /** Shell text to run as root, by name of the machine or proxy. */
  readonly breaks: Readonly<Record<string, string>>;
  /** Servers to which a connection is held that never says a word. */
  readonly held: readonly { readonly host: string; readonly port: number }[];
  readonly cases: readonly ExplainCase[];
}

export type ExplainOutput = readonly {
  readonly finding: Omit<
    InstanceExplanation['verdict'],
    'instance_name' | 'is_proxy' | 'since' | 'looked_at'
  >;
  readonly routes: InstanceExplanation['routes'];
}[];

const { inventory, keys, breaks, held, cases } = (await json(process.stdin)) as ExplainInput;
const access = new IndirectAccess({ identity: (credential) => ({ privateKey: keys[credential] ?? '' }) });

const chance = { now: () => performance.now(), random: Math.random };
const health = new RouteHealth({ ...chance, first: 500, most: 30_000 });
const selector = new RouteSelector({ ...chance, health });

const unbroken = new IndirectAccess({ identity: () => ({ privateKey: keys.lab ?? '' }) });
await Promise.all(
  Object.entries(breaks).map(async ([name, text]) => {
    const isProxy = inventory.proxies.some((proxy) => proxy.name === name);
    const behind = labRoute(inventory, isProxy ? 'machine-1' : name, isProxy ? { proxy: name } : {});
    const [, hop] = behind.hops;
    const route = isProxy && hop ? { hops: [behind.hops[0]] as const, machine: hop.machine } : behind;
    const { status, stderr } = await unbroken.exec(route, text, { asRoot: true });
    if (status !== 0) throw new Error(`${name}: ${status} ${stderr}`);
    if (text.includes('HUP')) await said(name, /Received SIGHUP[\s\S]*Server listening/);
    if (text.includes('TERM')) await said(name, /Received signal 15/);
  }),
);
await unbroken.close();
const sockets = await Promise.all(held.map(hold));

const found = await Promise.all(
  cases.map(async ({ facts, settings, machine, deadlines, power }) => {
    const reach = new ClusterReach(access, facts, settings, selector);
    const instance = reach.find(machine);
    if (!instance) throw new Error(`no ${machine}`);
    const explainer = access.explainer({ deadlines });
    const powerOf = async ({ name }: { name: string }) => power[name];
    const signal = AbortSignal.timeout(60_000);
    try {
      return await explainInstance({ reach, explainer, powerOf, trustFirstContact: false, signal }, instance);
    } finally {
      await explainer.close();
    }
  }),
);
const { connections } = access.stats();
if (connections.length > 0) throw new Error(`left open: ${JSON.stringify(connections)}`);
await access.close();
for (const socket of sockets) socket.destroy();
process.stdout.write(JSON.stringify(found), () => process.exit());

/** Until it has the server's banner: then the server counts it. */
function hold({ host, port }: { host: string; port: number }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    socket.once('data', () => resolve(socket)).on('error', reject);
  });
}

/** What was changed is in force when sshd has said so. */
async function said(name: string, pattern: RegExp): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(20))
    if (pattern.test(readFileSync(`${inventory.directory}/machines/${name}/log`, 'utf8'))) return;
  throw new Error(`${name} does not say ${pattern}`);
}
