import { Limiter } from '../../access/limiter.ts';
import { referenceTo } from '../../clouds/cloud.ts';
import { pinHostKeys } from '../../storage/adoptions.ts';
import { type InstanceWithGroup, listInstances } from '../../storage/instances.ts';
import { addStepEvents } from '../../storage/provision-progress.ts';
import { type ClusterWork, cloudOf, theCluster } from '../cluster-work.ts';
import { inProvisionStep } from '../provision-step.ts';
import { ProvisioningError } from '../provisioning-error.ts';

/** Machines that the cloud is asked about at once. */
const atOnce = 10;
/** Machines that a message names. */
const mostNames = 20;

/**
 * Asks the cloud for the host keys that nobody gave. Whoever made the machines never wrote them down. Without one, a machine is
 * connected to only where its first contact is trusted.
 */
export async function learnHostKeys(work: ClusterWork): Promise<void> {
  const cluster = await theCluster(work);
  const cloud = cloudOf(work, cluster);
  const unknown = (await listInstances(work.db, cluster.id)).filter((one) => one.host_keys.length === 0);
  if (unknown.length === 0) return;
  const limiter = new Limiter(atOnce);
  const problems = new Set<string>();
  const learn = async (instance: InstanceWithGroup): Promise<boolean> => {
    const { id: instanceId, name, cloud_instance_id: cloudInstanceId } = instance;
    const reference = { ...referenceTo(cluster), instanceId, name, cloudInstanceId };
    const keys = await Promise.resolve(cloud.hostKeysOf?.(reference) ?? []).catch((error: Error) => {
      problems.add(error.message);
      return [];
    });
    return keys.length > 0 && (await pinHostKeys(work.db, instanceId, keys, 'cloud'));
  };
  const told = { name: 'Learn host keys', type: 'Engine: adopt cluster', total: unknown.length };
  await inProvisionStep(work, told, async (step) => {
    const nameless: string[] = [];
    await Promise.all(
      unknown.map((instance) =>
        limiter.run(async () => {
          const learned = await learn(instance);
          if (!learned) nameless.push(instance.name);
          const trusted = cluster.access.trust_first_contact === true;
          const info = learned || trusted ? null : 'no host key is known';
          const about = { id: instance.id, name: instance.name, nodeGroupId: instance.node_group_id };
          await addStepEvents(work.db, step, [{ instance: about, successful: info === null, info }]);
        }),
      ),
    );
    if (nameless.length === 0 || cluster.access.trust_first_contact === true) return;
    const names = nameless.sort().slice(0, mostNames);
    const more = nameless.length > names.length ? ` and ${nameless.length - names.length} more` : '';
    const why = problems.size > 0 ? `; the cloud was asked in vain: ${[...problems].join('; ')}` : '';
    throw new ProvisioningError(
      `no host key is known of ${names.join(', ')}${more}${why}. Adopt it again with their host keys, or trust the ` +
        'first contact',
    );
  });
}
