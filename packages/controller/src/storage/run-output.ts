import { type Kysely, sql } from 'kysely';
import type { Stream } from './runs.ts';
import type { Schema } from './schema.ts';

export interface OutputChunk {
  readonly runId: string;
  readonly instanceId: string;
  readonly stream: Stream;
  /** Of its first byte in the stream. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * Appends output. A chunk that is there already is left (a commit whose answer was lost is repeated), one of a run
 * that was removed meanwhile is dropped. Their runs are held.
 */
export async function appendOutput(db: Kysely<Schema>, chunks: readonly OutputChunk[]): Promise<void> {
  const rows = sql.join(
    chunks.map(
      ({ runId, instanceId, stream, offset, bytes }) =>
        sql`(${runId}::uuid, ${instanceId}::uuid, ${stream}::text, ${offset}::bigint, ${bytes}::bytea)`,
    ),
  );
  await sql`
    insert into run_output (run_id, instance_id, stream, byte_offset, chunk)
    select v.run_id, v.instance_id, v.stream, v.byte_offset, v.chunk
    from (values ${rows}) as v (run_id, instance_id, stream, byte_offset, chunk)
    join run_target t on t.run_id = v.run_id and t.instance_id = v.instance_id
    on conflict do nothing`.execute(db);
  await noteLengths(db, chunks);
}

/** How much there is, so that a reader of many targets asks only for those that have something new. */
async function noteLengths(db: Kysely<Schema>, chunks: readonly OutputChunk[]): Promise<void> {
  const lengths = new Map<string, OutputChunk>();
  for (const chunk of chunks) {
    const key = `${chunk.runId}/${chunk.instanceId}/${chunk.stream}`;
    if ((lengths.get(key)?.offset ?? -1) < chunk.offset) lengths.set(key, chunk);
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const rows = [...lengths.values()]
      .filter((last) => last.stream === stream)
      .map(
        (last) =>
          sql`(${last.runId}::uuid, ${last.instanceId}::uuid, ${last.offset + last.bytes.length}::bigint)`,
      );
    if (rows.length === 0) continue;
    const column = sql.ref(`${stream}_bytes`);
    await sql`
      update run_target set ${column} = greatest(${column}, v.length)
      from (values ${sql.join(rows)}) as v (run_id, instance_id, length)
      where run_target.run_id = v.run_id and run_target.instance_id = v.instance_id
        and run_target.status in ('pending', 'running')`.execute(db);
  }
}

/** Chunks read at once: bounds memory, as a chunk has at most 64 KiB. */
const slice = 32;

/**
 * Bytes from `offset`, at most `limit` of them; empty: nothing there yet. Both halves are range scans of the primary
 * key: the last chunk that begins at or before the offset, and what follows it.
 */
export async function readOutput(
  db: Kysely<Schema>,
  source: { runId: string; instanceId: string; stream: Stream },
  offset: number,
  limit: number,
): Promise<Buffer> {
  const { runId, instanceId, stream } = source;
  const key = sql`run_id = ${runId}::uuid and instance_id = ${instanceId}::uuid and stream = ${stream}`;
  const parts: Buffer[] = [];
  let at = offset;
  while (at - offset < limit) {
    const { rows } = await sql<{ byte_offset: string; chunk: Buffer }>`
      select byte_offset, chunk from run_output
      where ${key} and byte_offset >= coalesce(
        (select max(byte_offset) from run_output where ${key} and byte_offset <= ${at}::bigint), 0)
      order by byte_offset limit ${slice}`.execute(db);
    const before = at;
    for (const row of rows) {
      const begin = Number(row.byte_offset);
      if (begin > at) break;
      const piece = row.chunk.subarray(at - begin, at - begin + limit - (at - offset));
      if (piece.length > 0) parts.push(piece);
      at += piece.length;
    }
    if (at === before || rows.length < slice) break;
  }
  return Buffer.concat(parts);
}
