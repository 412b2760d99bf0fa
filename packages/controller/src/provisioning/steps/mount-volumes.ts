import { accessProblem, describeProblem } from '../../access/access-problem.ts';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import { effectiveValues, onlyValues } from '../../clusters/node-group.ts';
import { stepRunner } from '../../plugins/step-program.ts';
import { lastWords } from '../../plugins/step-variables.ts';
import { type ClusterWork, cloudOf, nodeGroupsOf, theCluster } from '../cluster-work.ts';
import { mountProgram, type WantedVolumes } from '../mount-script.ts';
import { onEachMachine } from '../on-each-machine.ts';
import { ClusterGoneError } from '../provisioning-error.ts';
import { runOnce } from '../run-once.ts';

/** As Sahara has it where nobody named another. */
const defaultPrefix = '/volumes/disk';
/** Seconds: a file system of many terabytes takes its time. */
const patience = 1800;

/**
 * Makes the volumes of machines usable, each at its place. `chosen`: only these machines (ids). `type`: of what work it is a step.
 */
export async function mountVolumes(
  work: ClusterWork,
  { chosen, type }: { readonly chosen?: ReadonlySet<string>; readonly type?: string },
  signal: AbortSignal,
): Promise<void> {
  const cluster = await theCluster(work);
  if (!cloudOf(work, cluster).attachesVolumes) return;
  const wanted = new Map(
    (await nodeGroupsOf(work, cluster.id)).map(({ name, spec }) => [name, effectiveValues(onlyValues(spec))]),
  );
  const reach = await work.access.reach(cluster);
  const machines = reach.facts.instances.flatMap((instance) => {
    const values = wanted.get(instance.nodeGroupName);
    if (!values || values.volumes_per_node === 0 || !(chosen?.has(instance.id) ?? true)) return [];
    const { volumes_per_node: count, volumes_size: size, volume_mount_prefix: prefix } = values;
    const owner = instance.loginUser ?? 'root';
    return [{ instance, volumes: { count, size: size ?? 1, prefix: prefix ?? defaultPrefix, owner } }];
  });
  if (machines.length === 0) return;
  await onEachMachine(work, { name: 'Mount volumes', ...(type && { type }) }, machines, (machine) =>
    mountOn(work, reach, machine.instance, machine.volumes, signal),
  );
}

/** Null: they are where they should be. */
async function mountOn(
  work: ClusterWork,
  reach: ClusterReach,
  instance: InstanceFacts,
  volumes: WantedVolumes,
  signal: AbortSignal,
): Promise<string | null> {
  const what = `machine ${instance.name}: volumes`;
  try {
    const result = await runOnce(reach, instance, {
      what: `${work.workflowId} mount volumes ${instance.id}`,
      asRoot: instance.loginUser !== 'root',
      signal,
      spec: {
        command: stepRunner,
        stdin: Buffer.from(mountProgram(volumes)),
        timeout: patience,
        maxOutputBytes: 64 * 1024,
      },
    });
    if (result.status === 0) return null;
    const said = lastWords(result.stderr.toString(), [], { cut: result.stderrTruncated });
    return `${what}: ${said || `the script ended with status ${result.status}`}`;
  } catch (error) {
    if (signal.aborted) throw new ClusterGoneError(reach.facts.clusterId);
    const problem = accessProblem(error);
    if (problem.code === 'INTERNAL') throw error;
    return `${what}: ${describeProblem(problem)}${problem.hint ? ` (${problem.hint})` : ''}`;
  }
}
