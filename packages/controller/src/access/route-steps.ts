import type { AccessError, AccessErrorCode, Route } from '@wadi/indirect-access';

/** One step of a route, `from>to`, by instance ids: what health is kept of. */
export type Step = string;

type Path = Pick<Route, 'hops' | 'machine'>;

/**
 * `controller>proxy-1`, `proxy-1>machine-7`. A port other than sshd's is a step of its own, `proxy-1>machine-7:8080`: that
 * nothing listens there says nothing of the machine.
 */
export function routeSteps(route: Path, port?: number): readonly Step[] {
  const [first] = route.hops;
  const places = [first.kind === 'tcp' ? 'controller' : `controller/${first.kind}`, ...machineIds(route)];
  const steps = places.slice(1).map((to, index) => `${places[index]}>${to}`);
  if (port !== undefined) steps.push(`${steps.pop()}:${port}`);
  return steps;
}

/** The machines of the route, in order. */
function machineIds({ hops, machine }: Path): string[] {
  return [...hops.flatMap((hop) => (hop.kind === 'ssh' ? [hop.machine.id] : [])), machine.id];
}

/** The machine is there and says no, or we ask for nonsense: the way to it is not to blame. */
const blameless: ReadonlySet<AccessErrorCode> = new Set([
  'ADDRESS_NOT_ALLOWED',
  'CANCELLED',
  'CHANNEL_REFUSED',
  'CLOSED',
  'HOST_KEY_MISMATCH',
  'HOST_KEY_REFUSED',
  'INVALID_ARGUMENT',
]);

/** Which of the route's steps an error speaks against; undefined: none. */
export function accusedStep(route: Path, { hop, code, phase }: AccessError): number | undefined {
  if (hop === undefined || blameless.has(code)) return undefined;
  const names = [
    ...route.hops.flatMap((each) => (each.kind === 'ssh' ? [each.machine.name] : [])),
    route.machine.name,
  ];
  const last = names.length - 1;
  // A machine may jump into itself, to its own ports: what it cannot reach then is the second of its name.
  const at = code === 'TARGET_UNREACHABLE' ? names.lastIndexOf(hop) : names.indexOf(hop);
  if (at === -1) return undefined;
  if (code === 'FORWARDING_FORBIDDEN' || phase === 'relay')
    return code === 'TARGET_UNREACHABLE' ? at : Math.min(at + 1, last);
  if (code === 'AUTHENTICATION_FAILED') return at === last ? undefined : at;
  // Of a connection that was open: whether it is still there shows when it is opened anew.
  if (phase === 'channel' || phase === 'command' || phase === 'transfer') return undefined;
  return at;
}
