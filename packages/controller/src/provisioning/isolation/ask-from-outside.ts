import type { Socket } from 'node:net';
import type { Explainer } from '@wadi/indirect-access';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import type { Isolation } from '../../clusters/isolation.ts';
import { knock } from './knock.ts';
import type { AskedPorts } from './ports-of.ts';
import { hasComeTo, hasItsHostKey } from './who-answers.ts';

export interface AskedMachine {
  readonly instance: InstanceFacts;
  readonly address: string;
  readonly ports: AskedPorts;
}

/**
 * Whether the machine answers at its address from here: on SSH's port, which tells who it is, and then on the others. Each
 * port is asked once. Where it was not the machine that answered, ports of its owner's choice are not asked, and what
 * answers is told of SSH alone: nobody shall learn from a cluster which ports a host of the controller's network has open.
 */
export async function askFromOutside(
  { instance, address, ports }: AskedMachine,
  reach: ClusterReach,
  explainer: Explainer,
  signal: AbortSignal,
): Promise<Isolation> {
  const { sshPort } = instance;
  const answers = await using(await knock(address, sshPort, signal), async (socket) => {
    if (!socket) return 'silent';
    const known = await hasItsHostKey(explainer, instance, address, signal);
    if (known !== null) return known ? 'itself' : 'stranger';
    return (await hasComeTo(reach, instance, socket, signal)) ? 'itself' : 'somebody';
  });
  if (answers === 'stranger') return { kind: 'stranger' };
  const others = await Promise.all(
    [...ports.named, ...(answers === 'itself' ? ports.chosen : [])].map(async (port) =>
      using(await knock(address, port, signal), async (socket) => {
        if (!socket) return [];
        return answers === 'itself' || (await hasComeTo(reach, instance, socket, signal)) ? [port] : [];
      }),
    ),
  );
  const open = [...(answers === 'itself' ? [sshPort] : []), ...others.flat()];
  if (open.length > 0) return { kind: 'open', ports: open };
  if (answers === 'silent') return { kind: 'silent' };
  return { kind: 'unknown', reason: `somebody answers on port ${sshPort}, and nobody can tell who` };
}

async function using<T>(socket: Socket | null, act: (socket: Socket | null) => Promise<T>): Promise<T> {
  try {
    return await act(socket);
  } finally {
    socket?.destroy();
  }
}
