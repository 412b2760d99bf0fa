import type { Port } from '../../clusters/plugin.ts';
import type { PluginAtWork } from '../plugin-at-work.ts';
import { portNumber } from '../web-interfaces.ts';

/** Where a machine's pages and what its checks ask are, besides SSH. */
export interface AskedPorts {
  /** As the plugin's file has them. */
  readonly named: readonly number[];
  /** Which the cluster's owner put in their place. */
  readonly chosen: readonly number[];
}

/** Of a machine. */
const most = 16;

/** @param at null: the plugin names none */
export function portsOf(at: PluginAtWork | null, instanceId: string, sshPort: number): AskedPorts {
  const machine = at?.machines.get(instanceId);
  if (!at || !machine) return { named: [], chosen: [] };
  const ports = machine.processes.flatMap((process) => {
    const { web = [], health = [] } = at.release.lifecycle.get(process) ?? {};
    return [
      ...web.map(({ port }) => port),
      ...health.flatMap(({ check }) => ('port' in check ? check.port : [])),
    ];
  });
  const numbers = new Map(
    ports.map((port) => [portNumber(at, machine.group, port), isNamed(at, machine.group, port)]),
  );
  const asked = [...numbers].filter(([number]) => number > 0 && number !== sshPort).slice(0, most);
  const numbersWhere = (wanted: boolean) =>
    asked.filter(([, named]) => named === wanted).map(([number]) => number);
  return { named: numbersWhere(true), chosen: numbersWhere(false) };
}

function isNamed(at: PluginAtWork, group: string, port: Port): boolean {
  if (typeof port === 'number') return true;
  const setting = at.release.settings.find(({ variable }) => variable === port);
  return Number(setting?.default) === portNumber(at, group, port);
}
