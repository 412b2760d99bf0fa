import type { Socket } from 'node:net';
import { AccessError, type Explainer, type Route } from '@wadi/indirect-access';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';

/** Milliseconds that the machine may take to show its connections. */
const answerDeadline = 10_000;
/** Of Linux, in /proc/net/tcp. */
const established = '01';

/**
 * Whether the SSH server at that address has the machine's pinned host key; null: that cannot be told. Nothing of ours is
 * shown to one that has another.
 */
export async function hasItsHostKey(
  explainer: Explainer,
  { id, name, sshPort, loginUser, credential, hostKeys }: InstanceFacts,
  host: string,
  signal: AbortSignal,
): Promise<boolean | null> {
  if (hostKeys.length === 0 || loginUser === null || credential === null) return null;
  const allow = [`${host}/${host.includes(':') ? 128 : 32}`];
  const route: Route = {
    hops: [{ kind: 'tcp', allow }],
    machine: {
      ...{ id, name, host, port: sshPort, user: loginUser, credential },
      hostKey: { kind: 'pinned', keys: hostKeys },
    },
  };
  for await (const { phase, ok, error } of explainer.explain(route, { signal })) {
    if (phase === 'host-key' && ok) return true;
    if (error instanceof AccessError && error.code === 'HOST_KEY_MISMATCH') return false;
    if (!ok) return null;
  }
  return null;
}

/**
 * Whether a connection of ours has come to the machine, as the machine tells through its proxy: on it nothing has to be sent
 * to whoever answered. False too when the machine does not tell.
 */
export async function hasComeTo(
  reach: ClusterReach,
  instance: InstanceFacts,
  { localPort, remotePort }: Pick<Socket, 'localPort' | 'remotePort'>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { stdout } = await reach.through(
      instance,
      (route) =>
        reach.indirect.exec(route, ['cat', '/proc/net/tcp', '/proc/net/tcp6'], {
          ...{ timeout: answerDeadline, signal, maxOutputBytes: 4 * 1024 * 1024 },
        }),
      signal,
    );
    return stdout.toString('latin1').split('\n').some(isOurs);
  } catch (error) {
    if (error instanceof AccessError) return false;
    throw error;
  }

  function isOurs(line: string): boolean {
    const [, local = '', remote = '', state] = line.trim().split(/\s+/);
    return state === established && portOf(local) === remotePort && portOf(remote) === localPort;
  }
}

/** `0100007F:0016`, the port in hexadecimal. */
function portOf(end: string): number {
  return Number.parseInt(end.split(':')[1] ?? '', 16);
}
