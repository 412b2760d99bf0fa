import type { Kysely } from 'kysely';
import type { Schema } from '../../storage/schema.ts';

/** Notes where a proxy is to be dialled now; does nothing when its row is gone. */
export async function recordMove(
  db: Kysely<Schema>,
  instanceId: string,
  { managementIp, managementPort }: { managementIp: string; managementPort: number },
): Promise<void> {
  await db
    .updateTable('instance')
    .set({ management_ip: managementIp, management_port: managementPort, updated_at: new Date() })
    .where('id', '=', instanceId)
    .execute();
}
