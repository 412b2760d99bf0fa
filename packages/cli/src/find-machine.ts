import type { Cluster, Instance } from '@wadi/api';
import { usageError } from './command-error.ts';
import { selectMachines } from './select-machines.ts';
import { findCluster, type Session } from './session.ts';

export interface FoundMachine {
  readonly cluster: Cluster;
  readonly machine: Instance;
}

/** `CLUSTER/NODE`; the node may leave out the cluster's name. */
export async function findMachine(session: Session, text: string): Promise<FoundMachine> {
  const [clusterName = '', node = '', ...more] = text.split('/');
  if (!clusterName || !node || more.length > 0)
    throw usageError(`"${text}" is not the name of a machine`, 'It looks like example/worker-1.');
  const cluster = await findCluster(session, clusterName);
  return { cluster, machine: await theMachine(session, cluster, node) };
}

/** As `ssh` says it: `NODE.CLUSTER`, or `CLUSTER/NODE`. Both names may have dots in them. */
export async function findHost(session: Session, host: string): Promise<FoundMachine> {
  if (host.includes('/')) return findMachine(session, host);
  const clusters = new Map((await session.client.clusters.list()).map((each) => [each.name, each]));
  const parts = host.split('.');
  for (let split = 1; split < parts.length; split += 1) {
    const cluster = clusters.get(parts.slice(split).join('.'));
    if (cluster)
      return { cluster, machine: await theMachine(session, cluster, parts.slice(0, split).join('.')) };
  }
  throw usageError(
    `${host} is no machine of a cluster that is known`,
    `It is written NODE.CLUSTER. There is: ${[...clusters.keys()].join(', ') || 'no cluster'}`,
  );
}

async function theMachine(session: Session, { id, name }: Cluster, node: string): Promise<Instance> {
  const machines = await session.client.instances.list(id);
  const [machine, another] = selectMachines(name, machines, [node]);
  if (!machine || another) throw usageError(`${node} is several machines; name one`);
  return machine;
}
