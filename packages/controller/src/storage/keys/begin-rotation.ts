import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { type AuditRecord, appendAudit } from '../audit.ts';
import type { Schema } from '../schema.ts';
import { askHolders, type KeyHolder, listHolders, wakeHolders } from './key-holders.ts';
import type { KeyKeeper } from './key-keeper.ts';
import { KeySourceError, type MasterKey, newMasterKey } from './master-key.ts';
import { currentKeyId, lockKeys, makeCurrent } from './master-keys.ts';

export interface RotationParts {
  readonly db: Kysely<Schema>;
  readonly keeper: KeyKeeper;
  /** Id of the key that is to be replaced: a request that is repeated replaces nothing a second time. */
  readonly replaces: string;
  readonly signal: AbortSignal;
  record(action: string, about: object): AuditRecord;
}

export type RotationBegin =
  | { readonly kind: 'begun' }
  | { readonly kind: 'not-current'; readonly current: string | undefined }
  /** The operator has to put one in front. */
  | { readonly kind: 'no-new-key' }
  /** These controllers could not open what is encrypted with it. */
  | { readonly kind: 'not-known'; readonly key: MasterKey; readonly holders: readonly KeyHolder[] };

/** Milliseconds that all controllers have to read their sources; a command has 30,000 of them. */
const patience = 40_000;
const lookInterval = 100;

/**
 * Takes the first key of the source into use, a new one where the source is a file, once every controller knows it. The
 * controllers encrypt anew what there is; the old key stays valid until nothing uses it.
 */
export async function beginRotation(parts: RotationParts): Promise<RotationBegin> {
  const { db, keeper, replaces, signal, record } = parts;
  const found = await currentKeyId(db);
  if (found !== replaces) return { kind: 'not-current', current: found };
  await rereadOrThrow(keeper);
  if (keeper.ring.first.id === replaces && !(await addKey(parts))) return { kind: 'no-new-key' };
  const key = keeper.ring.first;
  const strangers = await untilKnown(db, key, signal);
  if (strangers.length > 0) return { kind: 'not-known', key, holders: strangers };
  return await db.transaction().execute(async (tx): Promise<RotationBegin> => {
    await lockKeys(tx);
    const current = await currentKeyId(tx);
    if (current !== replaces) return { kind: 'not-current', current };
    // One that has started meanwhile was not asked.
    const holders = (await listHolders(tx)).filter((each) => !knows(each, key));
    if (holders.length > 0) return { kind: 'not-known', key, holders };
    const { source, first } = keeper.ring;
    // What was taken out of the file while the others were asked would be lost at the next start.
    const [kept] = source.kind === 'file' ? await source.read() : [first];
    if (kept?.fingerprint !== key.fingerprint)
      throw new KeySourceError(`${source.name} was changed meanwhile: ask again`);
    await makeCurrent(tx, key);
    await wakeHolders(tx);
    await appendAudit(tx, [
      record('master-key.rotate', { from: replaces, to: key.id, fingerprint: key.fingerprint }),
    ]);
    return { kind: 'begun' };
  });
}

/** False: the source is none that we write to. */
async function addKey({ db, keeper, replaces, record }: RotationParts): Promise<boolean> {
  const { source } = keeper.ring;
  const { add } = source;
  if (!add) return false;
  await db.transaction().execute(async (tx) => {
    // Controllers that share the file would otherwise write over each other's key.
    await lockKeys(tx);
    const [first] = await source.read();
    if (first?.id !== replaces) return;
    const key = newMasterKey();
    await appendAudit(tx, [record('master-key.create', { key: key.id, fingerprint: key.fingerprint })]);
    add(key);
  });
  await rereadOrThrow(keeper);
  return true;
}

async function rereadOrThrow(keeper: KeyKeeper): Promise<void> {
  const problem = await keeper.reread();
  if (problem !== null) throw new KeySourceError(problem);
}

/** The controllers that do not know the key, once each has looked, or is gone, or had its time. */
async function untilKnown(
  db: Kysely<Schema>,
  key: MasterKey,
  signal: AbortSignal,
): Promise<readonly KeyHolder[]> {
  const before = await listHolders(db);
  if (before.every((each) => knows(each, key))) return [];
  await askHolders(db);
  const asked = new Map((await listHolders(db)).map((each) => [each.controller_id, each.asked]));
  for (const deadline = performance.now() + patience; ; await sleep(lookInterval, undefined, { signal })) {
    const strangers = (await listHolders(db)).filter((each) => !knows(each, key));
    const waiting = strangers.some((each) => each.answered < (asked.get(each.controller_id) ?? 0));
    if (!waiting || performance.now() > deadline) return strangers;
  }
}

function knows({ keys }: KeyHolder, { id, fingerprint }: MasterKey): boolean {
  return keys.some((each) => each.id === id && each.fingerprint === fingerprint);
}
