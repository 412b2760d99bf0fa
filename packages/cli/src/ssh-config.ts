import type { Instance } from '@wadi/api';
import { usageError } from './command-error.ts';

export interface SshConfigInput {
  readonly cluster: string;
  readonly machines: readonly Instance[];
  /** Of the file of pinned host keys. */
  readonly knownHostsFile: string;
  /** Private keys of whoever logs in; none: those that ssh takes by itself. */
  readonly identityFiles: readonly string[];
  /** Program and arguments before `connect`; absent: ProxyJump instead. */
  readonly wadi?: readonly string[];
}

export interface SshConfig {
  readonly config: string;
  readonly knownHosts: string;
  /** Names under which ssh knows the machines, in the cluster's order. */
  readonly hosts: readonly string[];
  /** Machines that have no entry, and why. */
  readonly left: readonly { readonly name: string; readonly why: string }[];
}

const name = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const user = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** An include file for OpenSSH (ssh_config(5)) and the known_hosts file that belongs to it (sshd(8)). */
export function sshConfig(input: SshConfigInput): SshConfig {
  const { cluster, machines } = input;
  const entries: string[] = [];
  const knownHosts: string[] = [];
  const hosts: string[] = [];
  const left: { name: string; why: string }[] = [];
  for (const machine of machines) {
    const why = whyNot(machine, input);
    if (why !== null) {
      left.push({ name: machine.name, why });
      continue;
    }
    const host = hostOf(machine, cluster);
    hosts.push(host);
    entries.push(entry(machine, host, input));
    for (const key of machine.host_key.keys) knownHosts.push(`${host} ${key}`);
  }
  const head = [
    `# Machines of the cluster ${cluster}. \`wadi ssh-config ${cluster}\` writes this file anew: changes are lost.`,
    ...(input.wadi ? [] : ['# Always through the same proxies: for another one, write it anew.']),
  ];
  return {
    config: `${[...head, ...entries].join('\n')}\n`,
    knownHosts: knownHosts.map((line) => `${line}\n`).join(''),
    hosts,
    left,
  };
}

function hostOf(machine: Instance, cluster: string): string {
  return `${machine.name}.${cluster}`;
}

function whyNot(machine: Instance, { cluster, machines, wadi }: SshConfigInput): string | null {
  if (!name.test(machine.name) || !name.test(cluster)) return 'ssh takes no such name';
  if (machine.login_user !== null && !user.test(machine.login_user)) return 'ssh takes no such user';
  if (machine.host_key.keys.length === 0) return 'its host key is not known yet';
  if (machine.route === null) return 'no route to it is known yet';
  if (wadi) return null;
  const [first, ...jumps] = machine.route.hops;
  if (first?.kind !== 'tcp') return `its way begins with ${first?.kind}, which ssh alone cannot do`;
  const known = jumps.every(({ machine: jump }) => machines.some((each) => each.name === jump));
  return known ? null : 'a machine on its way is none of the cluster';
}

function entry(machine: Instance, host: string, input: SshConfigInput): string {
  const { cluster, knownHostsFile, identityFiles, wadi } = input;
  const short = machine.name.startsWith(`${cluster}-`) ? machine.name.slice(cluster.length + 1) : null;
  const names = [host, machine.name, ...(short ? [`${short}.${cluster}`] : [])];
  const lines = [
    ...(wadi
      ? [`HostName ${host}`, `Port ${machine.ssh_port ?? 22}`, `ProxyCommand ${proxyCommand(wadi)}`]
      : jumpLines(machine, input)),
    ...(machine.login_user === null ? [] : [`User ${machine.login_user}`]),
    ...identityFiles.map((file) => `IdentityFile ${path(file)}`),
    ...(identityFiles.length > 0 ? ['IdentitiesOnly yes'] : []),
    `HostKeyAlias ${host}`,
    `UserKnownHostsFile ${path(knownHostsFile)}`,
    'GlobalKnownHostsFile none',
    'StrictHostKeyChecking yes',
    'CheckHostIP no',
    'UpdateHostKeys no',
    'VerifyHostKeyDNS no',
  ];
  return [`\nHost ${names.join(' ')}`, ...lines.map((line) => `  ${line}`)].join('\n');
}

function jumpLines(
  { route, internal_ip, ssh_port }: Instance,
  { cluster, machines }: SshConfigInput,
): string[] {
  const [first, ...jumps] = route?.hops ?? [];
  const host = jumps.length === 0 ? first?.host : internal_ip;
  const hosts = jumps.map(({ machine: jump }) => {
    const found = machines.find((each) => each.name === jump);
    return found ? hostOf(found, cluster) : '';
  });
  return [
    `HostName ${host ?? ''}`,
    `Port ${(jumps.length === 0 ? first?.port : ssh_port) ?? 22}`,
    ...(hosts.length > 0 ? [`ProxyJump ${hosts.join(',')}`] : []),
  ];
}

/** A shell reads it, after ssh has replaced what begins with a percent sign. */
function proxyCommand(words: readonly string[]): string {
  return [...words.map((word) => shellWord(word).replaceAll('%', '%%')), 'connect', '%h', '%p'].join(' ');
}

/** One word for a POSIX shell, whatever is in it. */
export function shellWord(text: string): string {
  if (/[\0\n]/.test(text)) throw usageError(`${JSON.stringify(text)} cannot be a word of a command`);
  return /^[A-Za-z0-9_./:=@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A path as ssh_config has it: in quotes, without tokens. */
function path(text: string): string {
  if (/["\n\\\0]/.test(text)) throw usageError(`ssh takes no path like ${JSON.stringify(text)}`);
  return `"${text.replaceAll('%', '%%').replaceAll('${', '$%%{')}"`;
}
