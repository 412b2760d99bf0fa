import type { Health } from '@wadi/api';

/** How one check of a cluster came out; the text is for its owner. */
export interface CheckResult {
  readonly name: string;
  readonly status: Health;
  readonly description: string;
}

/** How a machine was found. */
export interface MachineHealth {
  readonly name: string;
  readonly address: string;
  readonly isProxy: boolean;
  /** Name of the proxy before it; null: none. */
  readonly through: string | null;
  /** Until it had answered a command, over a session that was open; null: it runs none, or none was tried. */
  readonly milliseconds: number | null;
  /** What is wrong, in words that name hop and cause; null: it answers. */
  readonly problem: string | null;
}

export function overallHealth(checks: readonly CheckResult[]): Health {
  if (checks.some(({ status }) => status === 'RED')) return 'RED';
  return checks.every(({ status }) => status === 'GREEN') ? 'GREEN' : 'YELLOW';
}

/** All that can be said from the machines themselves. */
export function machineChecks(machines: readonly MachineHealth[]): CheckResult[] {
  const proxies = machines.filter(({ isProxy }) => isProxy);
  const others = machines.filter(({ isProxy }) => !isProxy);
  // Proxies are checked by themselves, or a spare one that is off would make a cluster red in which all works.
  if (proxies.length === 0 || others.length === 0) return [accessibility(machines)];
  return [accessibility(others), proxyCheck(proxies, others)];
}

/** Name and first sentences are the contract's; causes come after. */
function accessibility(machines: readonly MachineHealth[]): CheckResult {
  const name = 'Check of instances accessibility';
  const away = machines.filter(({ problem }) => problem !== null);
  if (away.length === 0) return { name, status: 'GREEN', description: 'All instances are available' };
  const addresses = away.map(({ address }) => address).join(', ');
  return {
    name,
    status: 'RED',
    description:
      `Cluster health is RED. Reason: Instances (${addresses}) are not available in the cluster. ` +
      causes(away),
  };
}

function proxyCheck(proxies: readonly MachineHealth[], others: readonly MachineHealth[]): CheckResult {
  const name = 'Check of proxies';
  const away = proxies.filter(({ problem }) => problem !== null);
  const description = proxies.map((proxy) => describeProxy(proxy, others)).join('; ');
  if (away.length === 0) return { name, status: 'GREEN', description };
  return { name, status: away.length < proxies.length ? 'YELLOW' : 'RED', description };
}

/** Hop by hop: to the proxy, and from there on to the machines behind it. */
function describeProxy(proxy: MachineHealth, others: readonly MachineHealth[]): string {
  if (proxy.problem !== null) return `${proxy.name} is not available: ${proxy.problem}`;
  const behind = others.filter(({ through }) => through === proxy.name);
  const first = proxy.milliseconds;
  const hop = first === null ? 'is available' : `answers in ${first.toFixed(1)} ms`;
  const whole = median(behind.flatMap(({ milliseconds }) => milliseconds ?? []));
  if (whole === null) return `${proxy.name} ${hop}`;
  const further =
    first === null ? '' : `, ${Math.max(0, whole - first).toFixed(1)} ms of them after the proxy`;
  const who = behind.length === 1 ? `the machine behind it answers` : `the ${behind.length} behind it answer`;
  return `${proxy.name} ${hop}, ${who} in ${whole.toFixed(1)} ms${further}`;
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

/** The same cause is told once, with the first machines that it concerns. */
function causes(away: readonly MachineHealth[]): string {
  const groups = new Map<string, string[]>();
  for (const { name, problem } of away) {
    const text = problem ?? '';
    groups.set(text, [...(groups.get(text) ?? []), name]);
  }
  return [...groups]
    .map(([text, names]) => {
      const more = names.length > 10 ? ` and ${names.length - 10} more` : '';
      return `${names.slice(0, 10).join(', ')}${more}: ${text}`;
    })
    .join('; ');
}
