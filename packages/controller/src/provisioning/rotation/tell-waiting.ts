import type { Transaction } from 'kysely';
import type { EventLog } from '../../events/event-log.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import type { KeyRotationRow, RotatingMachine } from '../../storage/key-rotations.ts';
import type { Schema } from '../../storage/schema.ts';

/** Machines named in an event. */
const mostNamed = 20;

/** That a rotation waits for machines, and for which. */
export async function tellWaiting(
  events: EventLog,
  tx: Transaction<Schema>,
  { id: clusterId, name, project_id: projectId }: ClusterRow,
  { id, kind }: KeyRotationRow,
  left: readonly RotatingMachine[],
): Promise<void> {
  const machines = left.slice(0, mostNamed).map(({ instance_name }) => instance_name);
  const body = { cluster: name, rotation_id: id, waiting: left.length, machines };
  await events.append({ projectId, clusterId, type: `${kind}-key.rotation-waits`, body }, tx);
}
