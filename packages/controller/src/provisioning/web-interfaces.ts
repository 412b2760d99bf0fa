import type { Port } from '../clusters/plugin.ts';
import type { PluginAtWork } from './plugin-at-work.ts';

/** Machines of one page that are named; a cluster may have hundreds. */
const most = 10;

/** What the cluster's `info` offers: for each process its pages, by title. */
export function webInterfaces(
  at: PluginAtWork,
  leaving: ReadonlySet<string> = new Set(),
): Record<string, Record<string, string>> {
  const info: Record<string, Record<string, string>> = {};
  for (const [process, { web }] of at.release.lifecycle) {
    const machines = [...at.machines].filter(
      ([id, machine]) => machine.processes.includes(process) && !leaving.has(id),
    );
    for (const { title, port, path } of web)
      for (const [, { name, group }] of machines.slice(0, most)) {
        const number = portNumber(at, group, port);
        const url = `/v2/clusters/${at.reach.facts.clusterId}/instances/${name}/http/${number}${path}`;
        info[process] = { ...info[process], [machines.length > 1 ? `${title} (${name})` : title]: url };
      }
  }
  return info;
}

/** 0, where nothing listens, when the config does not hold a port. */
export function portNumber(at: PluginAtWork, group: string, port: Port): number {
  const number = typeof port === 'number' ? port : Number(at.settings(group).variables[port]);
  return Number.isInteger(number) && number > 0 && number < 65_536 ? number : 0;
}
