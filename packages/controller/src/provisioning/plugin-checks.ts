import { Limiter } from '../access/limiter.ts';
import type { CheckResult } from '../clusters/verification.ts';
import { checkProcess, instanceName, notAvailable, processesOf } from './check-health.ts';
import { scriptsAtOnce } from './on-each-machine.ts';
import { type PluginParts, pluginAtWork } from './plugin-at-work.ts';
import { ProvisioningError } from './provisioning-error.ts';
import type { HealthChecks } from './verifier.ts';

/** The plugin's own checks, for the verification of a cluster: one for each process, over all its machines. */
export function pluginChecks(parts: PluginParts): HealthChecks {
  return async (cluster, reach, machines, signal) => {
    try {
      const at = await pluginAtWork(parts, cluster, reach);
      if (!at) return [];
      const processes = processesOf(at);
      // Of those it is known already: another try would only take its time.
      const away = new Set(machines.flatMap(({ name, problem }) => (problem === null ? [] : name)));
      const limiter = new Limiter(scriptsAtOnce);
      const results = await Promise.all(
        processes.map((one) =>
          away.has(instanceName(at, one))
            ? notAvailable(at, one)
            : limiter.run(() => checkProcess(parts.access, at, one, signal)),
        ),
      );
      const names = [...new Set(processes.map(({ process }) => process))];
      return names.map((process) => {
        const own = results.flat().filter((health) => health.process === process);
        const bad = own.filter(({ healthy }) => !healthy);
        const told = (bad.length > 0 ? bad : own)
          .slice(0, 10)
          .map(({ instance, name, text }) => `${instance}: ${name}: ${text}`);
        const machines = new Set(own.map(({ instance }) => instance)).size;
        const sick = new Set(bad.map(({ instance }) => instance)).size;
        const status = sick === 0 ? 'GREEN' : sick < machines ? 'YELLOW' : 'RED';
        return {
          name: `Check of process ${process}`,
          status,
          description: told.join('; '),
        } satisfies CheckResult;
      });
    } catch (error) {
      if (!(error instanceof ProvisioningError)) throw error;
      return [{ name: 'Check of the plugin', status: 'YELLOW', description: error.message }];
    }
  };
}
