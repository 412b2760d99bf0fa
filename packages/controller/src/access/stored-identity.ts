import type { Secrets } from '../storage/secrets.ts';

/** A private key as it lies encrypted in the database. */
export interface StoredIdentity {
  readonly privateKey: string;
  /** Line of authorized_keys, where we made the key ourselves. */
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
