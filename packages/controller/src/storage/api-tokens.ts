import { createHash, randomUUID } from 'node:crypto';
import type { Insertable, Selectable } from 'kysely';
import type { Database } from './database.ts';
import type { ApiTokenTable } from './schema.ts';

/** Tokens are random, so a plain digest is enough to store; the token itself is nowhere in the database. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export type TokenRow = Selectable<ApiTokenTable> & { readonly member_root: boolean };

function selectTokens(db: Database) {
  return db
    .selectFrom('api_token')
    .innerJoin('project', 'project.id', 'api_token.project_id')
    .selectAll('api_token')
    .select('project.member_root');
}

/** One that is neither revoked nor expired, with what its project grants. */
export async function findToken(db: Database, token: string): Promise<TokenRow | undefined> {
  const row = await selectTokens(db)
    .where('hash', '=', hashToken(token))
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return row?.expires_at && row.expires_at <= new Date() ? undefined : row;
}

/** Newest first; of one project or of all. */
export function listTokens(db: Database, projectId: string | null): Promise<TokenRow[]> {
  return selectTokens(db)
    .$if(projectId !== null, (query) => query.where('project_id', '=', projectId))
    .orderBy('api_token.created_at', 'desc')
    .orderBy('api_token.id')
    .execute();
}

export async function insertToken(db: Database, row: Insertable<ApiTokenTable>): Promise<TokenRow> {
  const { id } = await db.insertInto('api_token').values(row).returning('id').executeTakeFirstOrThrow();
  return await selectTokens(db).where('api_token.id', '=', id).executeTakeFirstOrThrow();
}

/** Undefined: there is none of this id in the project. A second time it stays revoked since the first. */
export async function revokeToken(
  db: Database,
  id: string,
  projectId: string | null,
): Promise<TokenRow | undefined> {
  await db
    .updateTable('api_token')
    .set({ revoked_at: new Date() })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .$if(projectId !== null, (query) => query.where('project_id', '=', projectId))
    .execute();
  return await selectTokens(db)
    .where('api_token.id', '=', id)
    .$if(projectId !== null, (query) => query.where('project_id', '=', projectId))
    .executeTakeFirst();
}

/** Notes its use, at most once a minute: a write per request would cost more than it tells. */
export async function touchToken(db: Database, token: Pick<TokenRow, 'id' | 'last_used_at'>): Promise<void> {
  const now = new Date();
  if (token.last_used_at && now.getTime() - token.last_used_at.getTime() < 60_000) return;
  await db.updateTable('api_token').set({ last_used_at: now }).where('id', '=', token.id).execute();
}

/** Lets in the token of this name, creating project and row as needed, and nobody else under this name. */
export async function ensureToken(
  db: Database,
  wanted: { projectId: string; name: string; role: ApiTokenTable['role']; token: string },
): Promise<void> {
  const hash = hashToken(wanted.token);
  await db.transaction().execute(async (tx) => {
    await tx
      .insertInto('project')
      .values({ id: wanted.projectId, name: wanted.projectId })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await tx
      .updateTable('api_token')
      .set({ revoked_at: new Date() })
      .where('name', '=', wanted.name)
      .where('hash', '!=', hash)
      .where('revoked_at', 'is', null)
      .execute();
    await tx
      .insertInto('api_token')
      .values({
        id: randomUUID(),
        project_id: wanted.projectId,
        name: wanted.name,
        role: wanted.role,
        hash,
        expires_at: null,
      })
      .onConflict((conflict) => conflict.column('hash').doNothing())
      .execute();
  });
}
