import { AccessError, type Route } from '@wadi/indirect-access';
import { withKey } from '../../access/authorized-keys.ts';
import { exactCredential, readIdentity } from '../../access/stored-identity.ts';
import {
  advanceMachine,
  type KeyRotationRow,
  type RotatingMachine,
  setCredential,
} from '../../storage/key-rotations.ts';
import { theCluster } from '../cluster-work.ts';
import { onMachines, type RotationWork, type Turn } from './rotation-work.ts';

/** Where sshd looks unless it is told otherwise; from the home of who logs in. */
export const authorizedKeys = '.ssh/authorized_keys';
export const stepType = 'Engine: rotate management keys';

/** On each machine that has the old key only: the next one beside it, and from when it was seen to work, in its place. */
export function letNextKeyIn(work: RotationWork, signal: AbortSignal): Promise<void> {
  const turnOf = ({ state }: RotatingMachine) => state === 'pending';
  return onMachines(work, { name: 'Let the next key in', type: stepType, turnOf }, signal, (turn) =>
    letIn(work, turn),
  );
}

async function letIn(
  work: RotationWork,
  { rotation, machine, instance, reach, signal }: Turn,
): Promise<void> {
  const { db, secrets } = work;
  const next = nextOf(rotation, machine);
  const { publicKey: line = '' } = await readIdentity(secrets, next);
  const route = await reach.open(instance, signal);
  const files = reach.indirect.files(route, { signal });
  const refused = await files
    .edit(authorizedKeys, (content) => withKey(content, line))
    .catch((error) => {
      if (!(error instanceof AccessError)) throw error;
      return error.code === 'FILE_NOT_FOUND'
        ? files.append(authorizedKeys, `${line}\n`)
        : Promise.reject(error);
    })
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  signal.throwIfAborted();
  // Also where it could not be written: somebody may have put it in by hand, or by other means than this file.
  const unseen = await reach.indirect.check(withCredential(route, exactCredential(next)), { signal }).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (unseen !== undefined)
    throw tell(unseen, refused, { name: instance.name, user: route.machine.user, line });
  await theCluster(work);
  await db.transaction().execute(async (tx) => {
    await setCredential(tx, instance.id, next);
    await advanceMachine(tx, rotation.id, instance.id, 'replaced');
  });
}

export function nextOf(rotation: KeyRotationRow, { is_proxy }: RotatingMachine): string {
  const next = is_proxy ? rotation.proxies_secret_id : rotation.machines_secret_id;
  if (next === null) throw new Error(`key rotation ${rotation.id} has no next key`);
  return next;
}

/** The same way, at whose end another key opens. */
export function withCredential({ hops, machine }: Route, credential: string): Route {
  return { hops, machine: { ...machine, credential } };
}

function tell(
  unseen: unknown,
  refused: unknown,
  { name, user, line }: { readonly name: string; readonly user: string; readonly line: string },
): unknown {
  if (!(unseen instanceof AccessError) || unseen.code !== 'AUTHENTICATION_FAILED' || unseen.hop !== name)
    return unseen;
  const why =
    refused instanceof Error ? `: ${refused.message}` : `, though it stands in ~${user}/${authorizedKeys}`;
  return new AccessError(`${name} does not let the next management key in${why}`, {
    code: 'AUTHENTICATION_FAILED',
    hop: name,
    phase: 'authentication',
    hint: `let it in for ${user} by hand, where its sshd looks (AuthorizedKeysFile): ${line}`,
    cause: refused ?? unseen,
  });
}
