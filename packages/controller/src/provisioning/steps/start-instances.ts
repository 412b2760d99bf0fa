import { setTimeout as sleep } from 'node:timers/promises';
import { Limiter } from '../../access/limiter.ts';
import { updateCluster } from '../../storage/clusters.ts';
import { addStepEvents } from '../../storage/provision-progress.ts';
import { checkProcess, type Health, processesOf } from '../check-health.ts';
import { advance, type ClusterWork, theCluster } from '../cluster-work.ts';
import { scriptsAtOnce } from '../on-each-machine.ts';
import { pluginAtWork } from '../plugin-at-work.ts';
import { inProvisionStep } from '../provision-step.ts';
import { ClusterGoneError, ProvisioningError } from '../provisioning-error.ts';
import { type PluginStepOptions, runPluginStep } from '../run-plugin-step.ts';
import { webInterfaces } from '../web-interfaces.ts';

/** Milliseconds that processes may take from their start until they are healthy, and between two looks. */
const patience = 180_000;
const pause = 1_000;

/** Lets the plugin start its processes, and waits until they are healthy. */
export async function startInstances(work: ClusterWork, signal: AbortSignal): Promise<void> {
  await advance(work, 'Starting');
  await startProcesses(work, { type: 'Plugin: start cluster' }, signal);
}

/** After a scaling it is done on all machines: what runs already takes up its new configuration. */
export async function startProcesses(
  work: ClusterWork,
  options: PluginStepOptions,
  signal: AbortSignal,
): Promise<void> {
  await runPluginStep(work, 'start', options, signal);
  await waitUntilHealthy(work, options, signal);
  await noteWebInterfaces(work, options);
}

async function waitUntilHealthy(
  work: ClusterWork,
  { type, only, leaving, again }: PluginStepOptions,
  signal: AbortSignal,
): Promise<void> {
  const at = await pluginAtWork(work, await theCluster(work));
  const checked = at ? processesOf(at).filter(({ id }) => !leaving?.has(id) && (only?.has(id) ?? true)) : [];
  if (!at || checked.length === 0) return;
  const told = {
    name: again ? 'Wait until healthy again' : 'Wait until healthy',
    total: checked.length,
    type,
  };
  await inProvisionStep(work, told, async (step) => {
    const deadline = performance.now() + patience;
    const limiter = new Limiter(scriptsAtOnce);
    const ends = await Promise.all(
      checked.map(async (one) => {
        for (;;) {
          const results = await limiter.run(() => checkProcess(work.access, at, one, signal));
          if (signal.aborted) throw new ClusterGoneError(work.clusterId);
          const bad = results.find((result) => !result.healthy);
          const problem = bad ? describe(bad) : null;
          if (problem === null || performance.now() > deadline) {
            const instance = at.reach.find(one.id);
            if (!instance) throw new ClusterGoneError(work.clusterId);
            await addStepEvents(work.db, step, [{ instance, successful: problem === null, info: problem }]);
            return problem;
          }
          await sleep(pause, undefined, { signal }).catch(() => {});
        }
      }),
    );
    const failures = ends.filter((end) => end !== null);
    if (failures.length > 0) throw new ProvisioningError(failures.slice(0, 10).join('; '));
  });
}

function describe({ instance, process, name, text }: Health): string {
  return `machine ${instance}: process ${process} is not healthy: ${name}: ${text}`;
}

/** The plugin's pages, by the address under which Wadi shows them. */
async function noteWebInterfaces(work: ClusterWork, { leaving }: PluginStepOptions): Promise<void> {
  const cluster = await theCluster(work);
  const at = await pluginAtWork(work, cluster);
  if (at) await updateCluster(work.db, cluster.id, { info: JSON.stringify(webInterfaces(at, leaving)) });
}
