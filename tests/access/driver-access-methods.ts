// Runs in the controller's network: a command, a file and a web page on the target of each case, by the planned routes.
import { json } from 'node:stream/consumers';
import { describeRoute, IndirectAccess, type Route } from '@wadi/indirect-access';
import { fetch } from 'undici';
import { accessSettings } from '../../packages/controller/src/access/access-settings.ts';
import type { ClusterFacts, InstanceFacts } from '../../packages/controller/src/access/cluster-facts.ts';
import { ClusterReach } from '../../packages/controller/src/access/cluster-reach.ts';
import { RouteHealth } from '../../packages/controller/src/access/route-health.ts';
import { RouteSelector } from '../../packages/controller/src/access/route-selector.ts';
import { LabAgents } from './lab-agents.ts';

export interface AccessCase {
  readonly what: string;
  /** As it is stored with a cluster. */
  readonly access: Readonly<Record<string, unknown>>;
  readonly instances: readonly InstanceFacts[];
  /** Name. */
  readonly target: string;
  /** Of the route that is to be used; absent: the first one. */
  readonly jumps?: number;
}

/** What came of each, or what went wrong. */
export interface AccessOutcome {
  readonly what: string;
  readonly route: string;
  readonly run: string;
  readonly file: string;
  readonly page: string;
}

const { cases, privateKey, allow, lab } = (await json(process.stdin)) as {
  cases: readonly AccessCase[];
  privateKey: string;
  allow: readonly string[];
  lab: string;
};
const chance = { now: () => performance.now(), random: () => Math.random() };
const health = new RouteHealth({ ...chance, first: 500, most: 30_000 });
const selector = new RouteSelector({ ...chance, health });
const agents = new LabAgents(lab);
const indirect = new IndirectAccess({
  identity: () => ({ privateKey }),
  openAgent: (id, signal) => agents.open(id, signal),
});
const outcomes: AccessOutcome[] = [];
for (const { what, access, instances, target, jumps } of cases) {
  const facts: ClusterFacts = { clusterId: what, clusterName: what, instances };
  const settings = accessSettings(
    { cloud: 'inventory', project_id: 'default', access },
    { allowNetworks: allow, agents: true },
  );
  const reach = new ClusterReach(indirect, facts, settings, selector);
  const instance = reach.find(target) as InstanceFacts;
  const chosen = (routes: readonly Route[]) =>
    routes.filter(({ hops }) => jumps === undefined || hops.length === jumps + 1);
  const by = async <T>(routes: readonly Route[], work: (route: Route) => Promise<T>): Promise<T | string> => {
    let failure = 'no route';
    for (const route of chosen(routes)) {
      try {
        return await work(route);
      } catch (error) {
        failure = String(error);
      }
    }
    return failure;
  };
  const routes = reach.routes(instance);
  outcomes.push({
    what,
    route: chosen(routes).map(describeRoute)[0] ?? 'none',
    run: await by(routes, async (route) =>
      (await indirect.exec(route, ['hostname'])).stdout.toString().trim(),
    ),
    file: await by(routes, (route) => writeAndRead(route)),
    page: await by(reach.portRoutes(instance), (route) => getPage(route)),
  });
}
await indirect.close();
await agents.close();
console.log(JSON.stringify(outcomes));

async function writeAndRead(route: Route): Promise<string> {
  const files = indirect.files(route);
  const content = Buffer.from(`${describeRoute(route)}\n`.repeat(20_000));
  await files.write('/tmp/by-every-way', content);
  const read = await files.read('/tmp/by-every-way', { maxBytes: content.length });
  return read.equals(content) ? 'the same' : 'not the same';
}

async function getPage(route: Route): Promise<string> {
  const dispatcher = indirect.dispatcher(route);
  try {
    return (await (await fetch('http://machine:8080/', { dispatcher })).text()).trim();
  } finally {
    await dispatcher.close();
  }
}
