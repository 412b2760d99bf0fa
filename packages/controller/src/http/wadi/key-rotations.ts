import {
  ApiError,
  type KeyRotation,
  type KeyRotationAnswer,
  type KeyRotationList,
  KeyRotationRequest,
} from '@wadi/api';
import type { Kysely } from 'kysely';
import { readFacts } from '../../access/read-facts.ts';
import type { ClusterProvisioning } from '../../clusters/cluster-provisioning.ts';
import { checkOwner } from '../../clusters/ownership.ts';
import { beginHostRotation } from '../../provisioning/rotation/begin-host-rotation.ts';
import { beginManagementRotation } from '../../provisioning/rotation/begin-management-rotation.ts';
import { appendAudit } from '../../storage/audit.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import {
  findRotation,
  type KeyRotationRow,
  listRotations,
  rotatingMachines,
} from '../../storage/key-rotations.ts';
import type { Schema } from '../../storage/schema.ts';
import { findVisible } from '../../storage/visible-row.ts';
import type { Resource } from '../context.ts';
import { askedBy } from './asked-by.ts';
import { bodyOf } from './check-body.ts';
import { machineOperations } from './machine-operations.ts';
import { isUuid, notFound, ownCluster } from './own-cluster.ts';
import { resolveTargets } from './resolve-targets.ts';

/** Keys of a cluster that are replaced by new ones. */
export function keyRotations(provisioning: ClusterProvisioning): Resource {
  return (app, { db, secrets, events, clouds }) => {
    const path = '/v2/clusters/:cluster/key-rotations';

    app.get(path, machineOperations.rotations, async (request): Promise<KeyRotationList> => {
      const { id } = await ownCluster(db, request);
      const rows = await listRotations(db, id);
      return { key_rotations: await Promise.all(rows.map((row) => view(db, row))) };
    });

    app.get<{ Params: { cluster: string; rotation: string } }>(
      `${path}/:rotation`,
      machineOperations.rotation,
      async (request): Promise<KeyRotationAnswer> => {
        const { id } = await ownCluster(db, request);
        const wanted = request.params.rotation;
        const found = isUuid(wanted) ? await findRotation(db, wanted) : undefined;
        if (found?.cluster_id !== id) throw notFound(wanted);
        return { key_rotation: await view(db, found) };
      },
    );

    app.post(path, machineOperations.rotate, async (request, reply): Promise<KeyRotationAnswer> => {
      const { kind, targets } = bodyOf(KeyRotationRequest, request);
      if (kind === 'management' && targets)
        throw new ApiError(
          400,
          'INVALID_DATA',
          'targets: a management key is that of all machines of its role',
          {
            hint: 'leave targets out',
          },
        );
      const { id } = await ownCluster(db, request);
      const { projectId } = request.principal;
      const begun = await db.transaction().execute(async (tx) => {
        const cluster = await findVisible(tx, 'cluster', projectId, id, 'update');
        if (!cluster) throw notFound(id);
        checkOwner('ClusterResource', cluster, projectId);
        if (cluster.status !== 'Active')
          throw new ApiError(409, 'CONFLICT', `Cluster '${cluster.name}' is ${cluster.status}, not Active`, {
            hint: 'wait until what is under way has come to its end',
          });
        if (clouds.get(cluster.cloud)?.hasFixedKeys)
          throw new ApiError(
            409,
            'CONFLICT',
            `Machines of the cloud '${cluster.cloud}' keep their keys for good`,
            {
              hint: 'it is for trying; delete the cluster and create it anew',
            },
          );
        const rotation =
          kind === 'management'
            ? await beginManagementRotation({ secrets, events }, tx, cluster)
            : await beginHostRotation(events, tx, cluster, await machinesOf(tx, cluster, targets));
        const about = { access: 'admin', action: `${kind}-key.rotate`, ...askedBy(request), cluster: id };
        await appendAudit(tx, [
          { projectId, about: { ...about, rotation: rotation.id, ...(targets && { targets }) } },
        ]);
        return rotation;
      });
      await provisioning.rotateKeys(begun);
      reply.code(202);
      return { key_rotation: await view(db, (await findRotation(db, begun.id)) ?? begun) };
    });
  };
}

async function machinesOf(
  tx: Kysely<Schema>,
  cluster: ClusterRow,
  targets: readonly string[] = [],
): Promise<string[]> {
  const facts = await readFacts(tx, cluster);
  return resolveTargets(facts, targets).map(({ id }) => id);
}

async function view(db: Kysely<Schema>, row: KeyRotationRow): Promise<KeyRotation> {
  const { id, kind, due_at, created_at, finished_at } = row;
  const waits = finished_at === null && due_at.getTime() > Date.now();
  const machines = await rotatingMachines(db, id);
  return {
    id,
    kind,
    status: finished_at ? 'finished' : waits ? 'waiting' : 'running',
    next_try_at: waits ? due_at.toISOString() : null,
    created_at: created_at.toISOString(),
    finished_at: finished_at?.toISOString() ?? null,
    machines: machines.map(({ instance_id, instance_name: instance, state, problem }) => ({
      ...{ instance_id, instance, state },
      problem: problem as KeyRotation['machines'][number]['problem'],
    })),
  };
}
