import { ApiError, type MasterKeyList, MasterKeyRotation, type MasterKeyUse } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { Database } from '../../storage/database.ts';
import { beginRotation, type RotationBegin } from '../../storage/keys/begin-rotation.ts';
import { listHolders } from '../../storage/keys/key-holders.ts';
import type { KeyKeeper } from '../../storage/keys/key-keeper.ts';
import { KeySourceError } from '../../storage/keys/master-key.ts';
import { countRemaining, keysInUse } from '../../storage/keys/master-keys.ts';
import type { Resource } from '../context.ts';
import { keyOperations } from './admin-operations.ts';
import { askedBy } from './asked-by.ts';
import { callerGone } from './caller-gone.ts';
import { bodyOf } from './check-body.ts';
import { requireWholeInstallation } from './whole-installation.ts';

/** The master keys of the whole installation: what they are known by, and how the next one is taken into use. */
export function masterKeys(keeper: KeyKeeper): Resource {
  return (app, { db, stopping }) => {
    app.get('/v2/keys', keyOperations.list, async (request): Promise<MasterKeyList> => {
      checkIsOfAll(request);
      return await viewKeys(db);
    });

    app.post('/v2/keys/rotate', keyOperations.rotate, async (request, reply): Promise<MasterKeyList> => {
      checkIsOfAll(request);
      const { replaces } = bodyOf(MasterKeyRotation, request);
      const signal = callerGone(reply, stopping);
      const about = { access: 'admin', ...askedBy(request) };
      const { projectId } = request.principal;
      const record = (action: string, more: object) => ({ projectId, about: { ...about, action, ...more } });
      const begun = await beginRotation({ db, keeper, replaces, signal, record }).catch((error) => {
        if (error instanceof KeySourceError) throw conflict(error.message);
        if (!signal.aborted) throw error;
        throw new ApiError(stopping.aborted ? 503 : 499, 'CANCELLED', 'The request was given up', {
          cause: error,
        });
      });
      if (begun.kind !== 'begun') throw refusalOf(begun, replaces, keeper);
      reply.code(202);
      return await viewKeys(db);
    });
  };
}

function checkIsOfAll({ principal }: FastifyRequest): void {
  requireWholeInstallation(principal, 'see or change master keys');
}

/** Those that encrypt something, and those that controllers know besides. */
async function viewKeys(db: Database): Promise<MasterKeyList> {
  const [used, controllers, { total, remaining, unreadable }] = await Promise.all([
    keysInUse(db),
    listHolders(db),
    countRemaining(db),
  ]);
  const keys: MasterKeyUse[] = used.map(({ id, fingerprint, is_current, secrets }) => {
    return { id, fingerprint, state: is_current ? 'current' : 'retiring', secrets };
  });
  for (const { id, fingerprint } of controllers.flatMap((each) => each.keys))
    if (!keys.some((each) => each.id === id)) keys.push({ id, fingerprint, state: 'unused', secrets: 0 });
  return {
    keys,
    controllers: controllers.map(({ controller_id, name, source, keys: known, problem }) => {
      return { controller_id, name, source, keys: known.map((each) => each.id), problem };
    }),
    secrets: total,
    remaining,
    unreadable,
  };
}

function refusalOf(
  begun: Exclude<RotationBegin, { kind: 'begun' }>,
  replaces: string,
  { ring }: KeyKeeper,
): ApiError {
  const { name, kind } = ring.source;
  if (begun.kind === 'not-current')
    return conflict(
      `Master key ${replaces} is not the current one; that is ${begun.current ?? 'none'}`,
      'look again: wadi keys list',
    );
  if (begun.kind === 'no-new-key') {
    const then =
      kind === 'credential' ? ', start every controller again (a running one keeps its credentials)' : '';
    return conflict(
      `${name} has no new master key: the current one, ${replaces}, is its first`,
      `put a new one in front of the others (openssl rand -base64 32)${then}, and ask again`,
    );
  }
  const who = begun.holders.map(({ name: at, source, problem }) => {
    return `${at} (${source}${problem === null ? '' : `: ${problem}`})`;
  });
  return conflict(
    `Master key ${begun.key.id} is not known to every controller, so it was not taken into use: ${who.join('; ')}`,
    `put it in front of the others there too; this controller has it from ${name}. Then ask again`,
  );
}

function conflict(message: string, hint?: string): ApiError {
  return new ApiError(409, 'CONFLICT', message, hint === undefined ? {} : { hint });
}
