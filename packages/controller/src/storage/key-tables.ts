import type { Generated, JSONColumnType } from 'kysely';
import type { Changed, Stamp } from './columns.ts';

/** AES-256-GCM ciphertexts; see sealed.ts. */
export interface SecretTable {
  id: string;
  /** What it is for, e.g. `cluster-management-key`; part of the authenticated data. */
  purpose: string;
  cluster_id: string | null;
  key_id: string;
  nonce: Buffer;
  ciphertext: Buffer;
  /** See sealed.ts. */
  format: number;
  /** When it did not open as it was to be encrypted anew. */
  reseal_failed_at: Changed;
  created_at: Stamp;
}

/** Of those that encrypt secrets: what they are known by. The keys themselves are never here. */
export interface MasterKeyTable {
  id: string;
  /** Null: no controller has started since the key got a row. */
  fingerprint: string | null;
  /** One is: it encrypts new secrets. */
  is_current: Generated<boolean>;
  created_at: Stamp;
}

/** Controllers, and which master keys each knows; see keys/key-holders.ts. */
export interface KeyHolderTable {
  controller_id: string;
  name: string;
  source: string;
  keys: JSONColumnType<{ id: string; fingerprint: string }[]>;
  problem: string | null;
  asked: Generated<number>;
  answered: Generated<number>;
  seen_at: Changed;
}
