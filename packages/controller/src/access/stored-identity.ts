import type { Kysely } from 'kysely';
import { relatedSecrets } from '../storage/key-rotations.ts';
import type { Schema } from '../storage/schema.ts';
import type { Secrets } from '../storage/secrets.ts';

/** A private key as it lies encrypted in the database. */
export interface StoredIdentity {
  readonly privateKey: string;
  /** Line of authorized_keys, where the key is Wadi's: whoever replaces it takes that line out. Absent: somebody gave it. */
  readonly publicKey?: string;
}

export const identityPurpose = 'ssh-private-key';

export function writeIdentity(identity: StoredIdentity): string {
  return JSON.stringify(identity);
}

/** Decrypted for one connection; nobody keeps it. */
export async function readIdentity(secrets: Secrets, id: string): Promise<StoredIdentity> {
  return JSON.parse((await secrets.get(id)).toString('utf8')) as StoredIdentity;
}

const only = 'only:';

/** The credential that is the key of this secret and no other, whatever takes its place. */
export function exactCredential(secretId: string): string {
  return `${only}${secretId}`;
}

/**
 * The keys that may open a machine with this credential: its own, and while it is replaced or was replaced since, the other one.
 * Decrypted for one connection; nobody keeps them.
 */
export async function readIdentities(
  db: Kysely<Schema>,
  secrets: Secrets,
  credential: string,
): Promise<readonly StoredIdentity[]> {
  if (credential.startsWith(only)) return [await readIdentity(secrets, credential.slice(only.length))];
  const ids = await relatedSecrets(db, credential);
  // None: the reason is told by who looks for it.
  const found = await Promise.allSettled(
    (ids.length === 0 ? [credential] : ids).map((id) => readIdentity(secrets, id)),
  );
  // One of them may have gone this moment.
  const open = found.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  if (open.length > 0) return open;
  throw (found[0] as PromiseRejectedResult).reason;
}
