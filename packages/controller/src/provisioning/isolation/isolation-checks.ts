import type { ClusterReach } from '../../access/cluster-reach.ts';
import { Limiter } from '../../access/limiter.ts';
import { servesAsProxy } from '../../access/plan-routes.ts';
import { type IsolatedMachine, type Isolation, isolationCheck } from '../../clusters/isolation.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import { type PluginParts, pluginAtWork } from '../plugin-at-work.ts';
import { ProvisioningError } from '../provisioning-error.ts';
import type { HealthChecks } from '../verifier.ts';
import { askFromOutside } from './ask-from-outside.ts';
import { whyNotAsked } from './askable-address.ts';
import type { IsolationMode } from './isolation-mode.ts';
import { innerMachines, isProven, isTold } from './isolation-policy.ts';
import { portsOf } from './ports-of.ts';

export interface IsolationParts extends PluginParts {
  readonly mode: IsolationMode;
  /** What an admin allowed to be dialled (CIDR). */
  readonly allowNetworks: readonly string[];
}

/** Machines that are asked at once. */
const atOnce = 64;
/** Milliseconds for all of it, so that a look at the cluster still ends with a result. */
const limit = 40_000;

/**
 * Whether machines behind proxies answer the controller directly, which they should not. Asked are the addresses that the
 * cloud told of the cluster's instances, on SSH's port and those of the plugin's pages and checks.
 */
export function isolationChecks(parts: IsolationParts): HealthChecks {
  return async (cluster, reach, found, signal) => {
    if (!isProven(cluster, reach, parts.mode)) return [];
    const inner = innerMachines(reach.facts);
    if (inner.length === 0) return [];
    const at = await pluginOf(parts, cluster, reach);
    const allow = isTold(cluster.cloud) ? parts.allowNetworks : null;
    const late = AbortSignal.any([signal, AbortSignal.timeout(limit)]);
    const explainer = reach.indirect.explainer({ limit });
    const limiter = new Limiter(atOnce);
    try {
      const machines = await Promise.all(
        inner.map(async (instance): Promise<IsolatedMachine> => {
          const { id, name, internalIp: address, sshPort } = instance;
          const told = (isolation: Isolation) => ({ name, address: address ?? 'no address', isolation });
          const reason = whyNotAsked(address, allow);
          if (reason !== null || address === null) return told({ kind: 'unknown', reason: reason ?? '' });
          const asked = { instance, address, ports: portsOf(at, id, sshPort) };
          return told(
            await limiter
              .run(() => askFromOutside(asked, reach, explainer, late))
              .catch((error: Error) => ({ kind: 'unknown', reason: whyFailed(error, late) }) as const),
          );
        }),
      );
      signal.throwIfAborted();
      return [isolationCheck(machines, anyProxyAnswers(reach, found))];
    } finally {
      await explainer.close();
    }
  };
}

function whyFailed({ message }: Error, { aborted }: AbortSignal): string {
  return aborted ? 'there was no time left to ask it' : message;
}

function anyProxyAnswers(reach: ClusterReach, found: Parameters<HealthChecks>[2]): boolean {
  const proxies = new Set(reach.facts.instances.filter(servesAsProxy).map(({ name }) => name));
  return found.some(({ name, problem }) => proxies.has(name) && problem === null);
}

/** null: the plugin names no ports, or is not there any more. */
async function pluginOf(parts: PluginParts, cluster: ClusterRow, reach: ClusterReach) {
  try {
    return await pluginAtWork(parts, cluster, reach);
  } catch (error) {
    if (error instanceof ProvisioningError) return null;
    throw error;
  }
}
