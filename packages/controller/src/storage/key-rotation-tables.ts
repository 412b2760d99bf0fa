import type { Generated, JSONColumnType } from 'kysely';
import type { Changed, Json, Stamp } from './columns.ts';

/** A cluster's keys that are being replaced by new ones; of each kind one at most is unfinished. */
export interface KeyRotationTable {
  id: string;
  cluster_id: string;
  kind: 'management' | 'host';
  /** The next keys, of kind `management`; null: they are the cluster's by now. */
  machines_secret_id: string | null;
  proxies_secret_id: string | null;
  /** Over the machines that were left, which came to their end. */
  passes: Generated<number>;
  /** When the next one may begin. */
  due_at: Generated<Date>;
  created_at: Stamp;
  finished_at: Changed;
}

export interface KeyRotationMachineTable {
  rotation_id: string;
  instance_id: string;
  /** `replaced`: the new key was seen to work. `done`: the old one is gone, too. */
  state: Generated<'pending' | 'replaced' | 'done'>;
  /** With what it let us in before. */
  old_secret_id: string | null;
  /** Of kind `host`: OpenSSH public keys that the machine has made; null: none yet. */
  new_host_keys: JSONColumnType<string[]> | null;
  /** Why it did not come further the last time: code, hop, phase, message, hint, retryable. */
  problem: JSONColumnType<Json> | null;
  updated_at: Changed;
}

/** What may still be asked for by the id of a secret that was replaced. */
export interface ReplacedSecretTable {
  old_id: string;
  new_id: string;
}
