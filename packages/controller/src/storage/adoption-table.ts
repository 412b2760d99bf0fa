import type { Generated } from 'kysely';
import type { Stamp } from './columns.ts';

/** A cluster that Sahara made. */
export interface AdoptionTable {
  cluster_id: string;
  /** Of its workflows: another one for each attempt, and when a cluster that was given back comes once more, under its id. */
  work_id: Generated<string>;
  /** The management key that Sahara has: a line of authorized_keys. */
  sahara_public_key: string;
  /** Of Sahara; null: nobody knows. */
  heat_stack: string | null;
  created_at: Stamp;
}
