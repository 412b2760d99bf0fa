import { AccessError, type Route } from '@wadi/indirect-access';
import { withoutKey } from '../../access/authorized-keys.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import { exactCredential, readIdentity } from '../../access/stored-identity.ts';
import { advanceMachine, type RotatingMachine } from '../../storage/key-rotations.ts';
import { authorizedKeys, nextOf, stepType, withCredential } from './let-next-key-in.ts';
import { onMachines, type RotationWork, type Turn } from './rotation-work.ts';

/** On each machine that is opened by the next key: the old one is taken out, and seen to open it no more. */
export function takeOldKeyOut(work: RotationWork, signal: AbortSignal): Promise<void> {
  const turnOf = ({ state }: RotatingMachine) => state === 'replaced';
  return onMachines(work, { name: 'Take the old key out', type: stepType, turnOf }, signal, (turn) =>
    takeOut(work, turn),
  );
}

async function takeOut(
  { db, secrets }: RotationWork,
  { rotation, machine, instance, reach, signal }: Turn,
): Promise<void> {
  const old = machine.old_secret_id === nextOf(rotation, machine) ? null : machine.old_secret_id;
  const line = old === null ? undefined : (await readIdentity(secrets, old)).publicKey;
  // A key that somebody gave is theirs, and so is its line.
  if (old !== null && line !== undefined) {
    const route = await reach.open(instance, signal);
    const refused = await reach.indirect
      .files(route, { signal })
      .edit(authorizedKeys, (content) => withoutKey(content, line))
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    signal.throwIfAborted();
    if (await letsIn(reach, withCredential(route, exactCredential(old)), signal))
      throw tell(instance.name, route.machine.user, refused, line);
  }
  await advanceMachine(db, rotation.id, instance.id, 'done');
}

async function letsIn(reach: ClusterReach, route: Route, signal: AbortSignal): Promise<boolean> {
  try {
    await reach.indirect.check(route, { signal });
    return true;
  } catch (error) {
    const isRefused = error instanceof AccessError && error.code === 'AUTHENTICATION_FAILED';
    if (isRefused && error.hop === route.machine.name) return false;
    throw error;
  }
}

function tell(name: string, user: string, refused: unknown, line: string): AccessError {
  const why =
    refused instanceof Error
      ? `: ${refused.message}`
      : `, though it stands no more in ~${user}/${authorizedKeys}`;
  return new AccessError(`${name} lets the old management key in still${why}`, {
    code: 'FILE_FAILED',
    hop: name,
    phase: 'command',
    hint: `take it out by hand, wherever its sshd looks (AuthorizedKeysFile): ${line}`,
    cause: refused,
  });
}
