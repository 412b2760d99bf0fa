import type { InstanceFacts } from '../../access/cluster-facts.ts';
import { type Power, referenceTo } from '../../clouds/cloud.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import { listInstances } from '../../storage/instances.ts';
import type { HttpContext } from '../context.ts';

/** Asks the cloud whether machines are on, each once. One that fails to answer is one that cannot tell. */
export function askPower({ clouds, db, log }: HttpContext, cluster: ClusterRow) {
  const cloud = clouds.get(cluster.cloud);
  const asked = new Map<string, Promise<Power | undefined>>();
  let ids: Promise<ReadonlyMap<string, string | null>> | undefined;

  async function ask({ id, name }: InstanceFacts): Promise<Power | undefined> {
    if (!cloud?.powerOf) return undefined;
    ids ??= listInstances(db, cluster.id).then(
      (rows) => new Map(rows.map((row) => [row.id, row.cloud_instance_id])),
    );
    const cloudInstanceId = (await ids).get(id) ?? null;
    // It was not made yet.
    if (cloudInstanceId === null) return undefined;
    try {
      return await cloud.powerOf({ ...referenceTo(cluster), instanceId: id, cloudInstanceId, name });
    } catch (error) {
      log.warn({ err: error, instance: name }, 'the cloud does not say whether a machine is on');
      return undefined;
    }
  }

  return (instance: InstanceFacts): Promise<Power | undefined> => {
    const answer = asked.get(instance.id) ?? ask(instance);
    asked.set(instance.id, answer);
    return answer;
  };
}
