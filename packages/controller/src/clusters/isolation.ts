import type { CheckResult } from './verification.ts';

/** How a machine that only proxies should reach was found, asked from outside. */
export type Isolation =
  /** Nothing answers. */
  | { readonly kind: 'silent' }
  /** It answers itself, on these ports. */
  | { readonly kind: 'open'; readonly ports: readonly number[] }
  /** Another host has its address where the controller is. */
  | { readonly kind: 'stranger' }
  /** It was not asked, or nobody can tell who answered. */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface IsolatedMachine {
  readonly name: string;
  readonly address: string;
  readonly isolation: Isolation;
}

const name = 'Check of isolation';
/** Machines of one kind that are named; a cluster may have hundreds. */
const most = 10;

/**
 * What follows for the cluster. Silence proves nothing where the controller cannot even reach a proxy.
 * @param proxyAnswers any proxy of the cluster does
 */
export function isolationCheck(machines: readonly IsolatedMachine[], proxyAnswers: boolean): CheckResult {
  const open = machines.flatMap(({ isolation, ...who }) =>
    isolation.kind === 'open' ? `${at(who)} on port ${isolation.ports.join(', ')}` : [],
  );
  const strangers = machines.filter(({ isolation }) => isolation.kind === 'stranger').map(at);
  const unknown = machines.flatMap(({ isolation, ...who }) =>
    isolation.kind === 'unknown' ? `${at(who)}: ${isolation.reason}` : [],
  );
  const said = [
    ...(open.length > 0
      ? [`Machines answer from outside that only proxies should reach: ${list(open)}`]
      : []),
    ...(open.length === 0 && !proxyAnswers
      ? ['No proxy answers either, so that nobody answers from outside proves nothing']
      : []),
    ...(unknown.length > 0 ? [`Not known of ${list(unknown)}`] : []),
    ...(strangers.length > 0
      ? [
          `Another host, with another host key, answers at the address of ${list(strangers)}: it does not count`,
        ]
      : []),
  ];
  const status = open.length > 0 ? 'RED' : !proxyAnswers || unknown.length > 0 ? 'YELLOW' : 'GREEN';
  const silent = machines.length === 1 ? 'The machine' : `None of the ${machines.length} machines`;
  const good = `${silent} behind the proxies ${machines.length === 1 ? 'does not answer' : 'answers'} from outside`;
  const description = [...(status === 'GREEN' ? [good] : []), ...said].join('. ');
  return { name, status, description };
}

function at({ name, address }: Pick<IsolatedMachine, 'name' | 'address'>): string {
  return `${name} (${address})`;
}

function list(parts: readonly string[]): string {
  const more = parts.length > most ? ` and ${parts.length - most} more` : '';
  return parts.slice(0, most).join('; ') + more;
}
