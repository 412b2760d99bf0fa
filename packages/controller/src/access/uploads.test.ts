import { AccessError } from '@wadi/indirect-access';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { EventLog } from '../events/event-log.ts';
import type { ClusterRow } from '../storage/clusters.ts';
import type { Database } from '../storage/database.ts';
import type { UploadRow } from '../storage/uploads.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { Uploads } from './uploads.ts';

/** Each upload has one machine, of its own name. */
function database(onCommit: () => Promise<void>): Database {
  let asked = '';
  const query: object = new Proxy(
    {},
    {
      get:
        (_, method) =>
        (...[, , value]: unknown[]) => {
          if (method === 'where') asked = String(value);
          if (method !== 'execute') return query;
          return Promise.resolve([{ instance_id: asked, instance_name: asked, status: 'receiving' }]);
        },
    },
  );
  const transaction = () => ({ execute: () => onCommit().then(() => true) });
  return { selectFrom: () => query, transaction } as unknown as Database;
}

const uploadOf = (id: string, project: string) =>
  ({
    id,
    project_id: project,
    path: '/f',
    size: '0',
    sha256: '',
    as_root: false,
    mode: null,
  }) as unknown as UploadRow;

/** The machine `b` has its file; the others do not answer. */
function bed(onCommit = async () => {}) {
  const reached: string[] = [];
  const open = new Set<AbortSignal>();
  const through = async ({ id }: { id: string }, _: unknown, signal: AbortSignal) => {
    reached.push(id);
    if (id === 'b') return { state: { offset: 0, done: true } };
    if (!signal.aborted) open.add(signal);
    return new Promise((_, reject) => {
      const cancel = () => {
        open.delete(signal);
        reject(new AccessError('cancelled', { code: 'CANCELLED' }));
      };
      if (signal.aborted) cancel();
      signal.addEventListener('abort', cancel);
    });
  };
  const reach = { facts: { instances: [] }, find: (id: string) => ({ id, name: id }), through };
  const access = { reach: async () => reach } as unknown as ClusterAccess;
  const parts = { db: database(onCommit), access, events: {} as EventLog, log: pino({ level: 'silent' }) };
  const uploads = new Uploads(parts);
  const send = (id: string, project: string) => {
    const bytes = (async function* (): AsyncGenerator<Buffer> {})();
    const portion = { offset: 0, length: 0, bytes, signal: new AbortController().signal };
    return uploads.receive(uploadOf(id, project), {} as ClusterRow, portion);
  };
  return { uploads, reached, open, send };
}

describe('uploads', () => {
  it('of one project to machines that do not answer leave room for those of another', async () => {
    const { uploads, reached, send } = bed();
    const slow = Array.from({ length: 100 }, (_, n) => send(`a${n}`, 'a').catch(() => undefined));
    await expect.poll(() => reached.length).toBeGreaterThan(40);
    await send('b', 'b');
    expect(reached).toContain('b');
    await uploads.close();
    await Promise.all(slow);
  });

  it('take one portion at a time, however many come in the same moment', async () => {
    const { uploads, open, send } = bed();
    const first = send('a', 'a').catch(() => undefined);
    await expect.poll(() => open.size).toBe(1);
    const others = [1, 2, 3].map(() => send('a', 'a').catch(() => undefined));
    await first;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(open.size).toBe(1);
    await uploads.close();
    await Promise.all(others);
  });

  it('that are cancelled take no portion that came just before that was noted', async () => {
    let sent: Promise<unknown> | undefined;
    const { uploads, open, send } = bed(async () => {
      if (sent) return;
      sent = send('a', 'a').catch(() => undefined);
      await expect.poll(() => open.size).toBe(1);
    });
    const cancelled = uploads.cancel(uploadOf('a', 'a'), {} as ClusterRow);
    await expect.poll(() => sent !== undefined && open.size).toBe(1);
    // What is open then is the removal.
    await sent;
    await uploads.close();
    await cancelled;
  });
});
