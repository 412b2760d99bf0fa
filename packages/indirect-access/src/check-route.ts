import { isIP } from 'node:net';
import { checkCommandWords } from './command-template.ts';
import { AccessError } from './errors.ts';
import type { FirstHop, Machine, Route } from './route.ts';

const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;
// No way out of the folder of namespaces, and no option.
const NAMESPACE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
// No control characters and no leading dash; everything else is the machine's business.
const USER = /^(?!-)[^\p{Cc}]{1,255}$/u;

/** Refuses a route that could mean something else to a resolver, a relay program or sshd. */
export function checkRoute(route: Route): void {
  checkFirstHop(route.hops[0]);
  for (const hop of route.hops) if (hop.kind === 'ssh') checkMachine(hop.machine);
  checkMachine(route.machine);
}

function checkFirstHop(hop: FirstHop): void {
  if (hop.kind === 'command') checkCommandWords(hop.words);
  if (hop.kind === 'netns') checkNamespace(hop.namespace);
}

export function checkNamespace(name: string): void {
  if (!NAMESPACE.test(name)) throw invalid(`not a network namespace: ${JSON.stringify(name).slice(0, 80)}`);
}

function checkMachine(machine: Machine): void {
  checkTarget(machine.host, machine.port, machine.name);
  if (!USER.test(machine.user)) throw invalid(`${machine.name}: not a user name`);
  if (machine.hostKey.kind === 'pinned' && machine.hostKey.keys.length === 0) {
    throw invalid(`${machine.name}: pinned, but without any host key`);
  }
}

export function checkTarget(host: string, port: number, name: string): void {
  // A zone (%eth0) names an interface of the machine that dials; isIP accepts it and we do not.
  const valid = isIP(host) > 0 ? !host.includes('%') : NAME.test(host);
  if (!valid) throw invalid(`${name}: not an address or host name: ${JSON.stringify(host).slice(0, 80)}`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid(`${name}: not a port: ${port}`);
}

function invalid(message: string): AccessError {
  return new AccessError(message, { code: 'INVALID_ARGUMENT' });
}
