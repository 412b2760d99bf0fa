import { createHash } from 'node:crypto';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { AgentEndpointTable, AgentTunnelTable } from './agent-tables.ts';
import type { Schema } from './schema.ts';

export type AgentTunnel = Selectable<AgentTunnelTable>;

export function findAgentEndpoint(db: Kysely<Schema>): Promise<Selectable<AgentEndpointTable> | undefined> {
  return db.selectFrom('agent_endpoint').selectAll().executeTakeFirst();
}

/** False: another controller was first. */
export async function insertAgentEndpoint(
  db: Kysely<Schema>,
  row: Omit<AgentEndpointTable, 'id'>,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('agent_endpoint')
    .values({ id: true, ...row })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/** One that was given before counts no more. In a transaction: else for a moment none would count. */
export async function putAgentToken(
  tx: Kysely<Schema>,
  instanceId: string,
  token: string,
  expiresAt: Date,
): Promise<void> {
  await tx.deleteFrom('agent_token').where('instance_id', '=', instanceId).execute();
  await tx
    .insertInto('agent_token')
    .values({ hash: hashOf(token), instance_id: instanceId, expires_at: expiresAt })
    .execute();
}

/**
 * Takes the token, once, and notes the key of its machine; the key that the machine had before counts no more.
 * undefined: no such token, or it was used, or it is too old.
 */
export function enrollAgent(
  db: Kysely<Schema>,
  token: string,
  publicKey: string,
): Promise<{ instanceId: string; sshPort: number } | undefined> {
  return db.transaction().execute(async (tx) => {
    const taken = await tx
      .updateTable('agent_token')
      .set({ used_at: sql`now()` })
      .where('hash', '=', hashOf(token))
      .where('used_at', 'is', null)
      .where('expires_at', '>', sql<Date>`now()`)
      .returning('instance_id')
      .executeTakeFirst();
    if (!taken) return undefined;
    const { instance_id } = taken;
    await tx.deleteFrom('agent_key').where('public_key', '=', publicKey).execute();
    await tx
      .insertInto('agent_key')
      .values({ instance_id, public_key: publicKey })
      .onConflict((conflict) =>
        conflict.column('instance_id').doUpdateSet({ public_key: publicKey, enrolled_at: sql`now()` }),
      )
      .execute();
    const instance = await tx
      .selectFrom('instance')
      .select('ssh_port')
      .where('id', '=', instance_id)
      .executeTakeFirstOrThrow();
    return { instanceId: instance_id, sshPort: instance.ssh_port };
  });
}

/** Whose key it is. */
export async function findAgent(db: Kysely<Schema>, publicKey: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('agent_key')
    .select('instance_id')
    .where('public_key', '=', publicKey)
    .executeTakeFirst();
  return row?.instance_id;
}

/** Of these, the pairs of instance and key that still count. */
export async function agentKeysOf(
  db: Kysely<Schema>,
  instanceIds: readonly string[],
): Promise<Map<string, string>> {
  if (instanceIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('agent_key')
    .select(['instance_id', 'public_key'])
    .where('instance_id', '=', sql<string>`any(${[...instanceIds]}::uuid[])`)
    .execute();
  return new Map(rows.map((row) => [row.instance_id, row.public_key]));
}

/** Who held the machine's connection until now. */
export function putAgentTunnel(
  db: Kysely<Schema>,
  tunnel: Omit<AgentTunnel, 'since'>,
): Promise<AgentTunnel | undefined> {
  return db.transaction().execute(async (tx) => {
    const before = await findAgentTunnel(tx, tunnel.instance_id);
    await tx
      .insertInto('agent_tunnel')
      .values(tunnel)
      .onConflict((conflict) => conflict.column('instance_id').doUpdateSet({ ...tunnel, since: sql`now()` }))
      .execute();
    return before;
  });
}

export async function deleteAgentTunnel(db: Kysely<Schema>, connectionId: string): Promise<void> {
  await db.deleteFrom('agent_tunnel').where('connection_id', '=', connectionId).execute();
}

export function findAgentTunnel(db: Kysely<Schema>, instanceId: string): Promise<AgentTunnel | undefined> {
  return db.selectFrom('agent_tunnel').selectAll().where('instance_id', '=', instanceId).executeTakeFirst();
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
