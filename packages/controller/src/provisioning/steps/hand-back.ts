import { AccessError } from '@wadi/indirect-access';
import { accessProblem, describeProblem } from '../../access/access-problem.ts';
import { withKey, withoutKey } from '../../access/authorized-keys.ts';
import { Limiter } from '../../access/limiter.ts';
import { readIdentity } from '../../access/stored-identity.ts';
import { findAdoption } from '../../storage/adoptions.ts';
import { findCluster } from '../../storage/clusters.ts';
import { unfinishedRotations } from '../../storage/key-rotations.ts';
import type { ClusterWork } from '../cluster-work.ts';
import { authorizedKeys } from '../rotation/let-next-key-in.ts';

/** Machines at once. */
const atOnce = 32;

/**
 * Before Wadi forgets an adopted cluster: its machines let Sahara's key in again, and ours no more. Our keys go with the cluster,
 * and nobody else has them, so that whoever made the machines would be locked out. A machine that cannot be reached is told of,
 * and does not keep the cluster: it may be gone already.
 */
export async function handBack(work: ClusterWork, signal: AbortSignal): Promise<void> {
  const { db, access, events, secrets, clusterId } = work;
  const cluster = await findCluster(db, clusterId);
  const adoption = await findAdoption(db, clusterId);
  if (!cluster || !adoption) return;
  const line = `${adoption.sahara_public_key} Generated-by-Sahara`;
  const rotations = await unfinishedRotations(db, clusterId);
  const own = [
    ...[cluster.management_secret_id, cluster.proxy_secret_id],
    // Some machines may have no other by now.
    ...rotations.flatMap((each) => [each.machines_secret_id, each.proxies_secret_id]),
  ];
  const lines = await Promise.all(own.flatMap((id) => (id ? readIdentity(secrets, id) : [])));
  const ours = lines.flatMap(({ publicKey }) =>
    publicKey && !publicKey.startsWith(adoption.sahara_public_key) ? publicKey : [],
  );
  // They never let another key in than that one.
  if (ours.length === 0) return;
  const reach = await access.reach(cluster);
  // Those behind proxies first: after that, no proxy lets us through.
  const { instances } = reach.facts;
  const limiter = new Limiter(atOnce);
  for (const group of [instances.filter((one) => !one.isProxy), instances.filter((one) => one.isProxy)])
    await Promise.all(
      group.map((instance) =>
        limiter.run(async () => {
          try {
            const route = await reach.open(instance, signal);
            const files = reach.indirect.files(route, { signal });
            await files.edit(authorizedKeys, (content) => withKey(content, line));
            for (const each of ours) await files.edit(authorizedKeys, (content) => withoutKey(content, each));
          } catch (error) {
            signal.throwIfAborted();
            if (!(error instanceof AccessError)) throw error;
            const body = { instance: instance.name, reason: describeProblem(accessProblem(error)) };
            const { project_id: projectId } = cluster;
            await events.append({ projectId, clusterId, type: 'adoption.not-handed-back', body });
          }
        }),
      ),
    );
}
