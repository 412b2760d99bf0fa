import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '@wadi/api';
import { type Credential, type OpenStack, OpenStackError, Secret } from '@wadi/openstack';
import type { Logger } from 'pino';
import type { Database } from '../../storage/database.ts';
import {
  type DelegationRow,
  delegatedProjects,
  findDelegation,
  liveDelegations,
  type Member,
  markDelegationDead,
  putDelegation,
} from '../../storage/delegations.ts';
import type { Asking } from '../cloud.ts';
import { JointWork } from './joint-work.ts';
import type { ProjectClients } from './projects.ts';

const day = 86_400_000;
/** Milliseconds for which a member lets the controller act. */
const lifetime = 30 * day;
/** Less than this left: the next request of the member renews it. */
const renewal = 15 * day;
/** Milliseconds for which a delegation is known to be there: another controller may have seen its end. */
const known = 30_000;
/** Milliseconds for which a member's request waits; what takes longer goes on without it. */
const patience = 5_000;
/** Milliseconds after which a token by which Keystone did not let delegate is tried again. */
const pauseAfterFailure = 600_000;
const mostRemembered = 10_000;

/**
 * Each project's clusters are made with the rights of its own members: whoever comes with a token gives the controller's user
 * a trust, which ends by itself. The newest that counts is used.
 */
export class Delegations implements ProjectClients {
  readonly #own: OpenStack;
  readonly #logInAnew: () => Promise<void>;
  readonly #db: Database;
  readonly #log: Logger;
  readonly #clients = new Map<string, OpenStack>();
  /** By project and user: no question to the database until then. */
  readonly #settled = new Map<string, number>();
  /** By digest of the token: whoever comes with another one may be let. */
  readonly #refused = new Map<string, number>();
  readonly #renewals = new JointWork<void>();

  constructor(
    own: OpenStack,
    credential: Credential,
    { db, log }: { readonly db: Database; readonly log: Logger },
  ) {
    this.#own = own;
    this.#logInAnew = async () => {
      await own.actingAs(credential).identity();
    };
    this.#db = db;
    this.#log = log;
  }

  /** Never fails: who cannot delegate may still look at what is there. */
  async ensure(member: Member): Promise<void> {
    const key = `${member.projectId} ${member.userId}`;
    const digest = createHash('sha256').update(member.token).digest('base64');
    const until = Math.max(this.#settled.get(key) ?? 0, this.#refused.get(digest) ?? 0);
    if (until > Date.now()) return;
    const late = new AbortController();
    await Promise.race([
      this.#tryToEnsure(member, key, digest),
      sleep(patience, undefined, { signal: late.signal }).catch(() => {}),
    ]);
    late.abort();
  }

  /** One at a time for each member: two would give two trusts. */
  async #tryToEnsure(member: Member, key: string, digest: string): Promise<void> {
    await this.#renewals.run(key, async () => {
      try {
        await this.#ensure(key, member);
      } catch (error) {
        this.#refuse(digest);
        this.#log.warn({ err: error, project: member.projectId, user: member.userId }, 'no delegation');
      }
    });
  }

  #refuse(digest: string): void {
    this.#refused.set(digest, Date.now() + pauseAfterFailure);
    for (const oldest of this.#refused.keys()) {
      if (this.#refused.size <= mostRemembered) break;
      this.#refused.delete(oldest);
    }
  }

  async #ensure(key: string, member: Member): Promise<void> {
    const given = await findDelegation(this.#db, member.projectId, member.userId);
    const until = given?.dead_since === null ? given.expires_at.getTime() - renewal : 0;
    if (until <= Date.now()) await this.#renew(member, given);
    this.#settled.set(key, Date.now() + known);
  }

  async #renew({ projectId, userId, userName, roles, token }: Member, old: DelegationRow | undefined) {
    const scope = { kind: 'project', project: { id: projectId } } as const;
    const given = this.#own.actingAs({ kind: 'token', token: new Secret(token), scope });
    const trustee = (await this.#own.identity()).user.id;
    const ordinary = roles.filter((name) => name.toLowerCase() !== 'admin');
    const delegated = ordinary.length > 0 ? ordinary : roles;
    const expires = new Date(Date.now() + lifetime);
    const trust = await given.trusts.create({
      trustor_user_id: userId,
      trustee_user_id: trustee,
      project_id: projectId,
      impersonation: true,
      roles: delegated.map((name) => ({ name })),
      expires_at: expires,
    });
    await putDelegation(this.#db, {
      project_id: projectId,
      user_id: userId,
      user_name: userName,
      trust_id: trust.id,
      roles: [...delegated],
      expires_at: expires,
    });
    if (old) {
      this.#clients.delete(old.trust_id);
      await given.trusts.delete(old.trust_id, { missingOk: true }).catch((error) => {
        this.#log.info({ err: error, project: projectId }, 'an old delegation is left to its end');
      });
    }
  }

  async use<T>(projectId: string, act: (openstack: OpenStack) => Promise<T>): Promise<T> {
    const tried = new Set<string>();
    for (;;) {
      // Each time anew: what was tried last may have taken long, and been renewed meanwhile.
      const live = await liveDelegations(this.#db, projectId);
      const trust = live.find(({ trust_id }) => !tried.has(trust_id))?.trust_id;
      if (trust === undefined) break;
      tried.add(trust);
      const client = await this.#clientOf(trust, projectId);
      if (!client) continue;
      try {
        return await act(client);
      } catch (error) {
        // It may have ended since the login; then nothing more was done, and what was is found again.
        if (!isRefused(error) || (await this.#clientOf(trust, projectId))) throw error;
      }
    }
    throw new ApiError(
      503,
      'CLOUD_UNAVAILABLE',
      `Nobody lets this controller act in project ${projectId} of OpenStack now`,
      {
        hint: 'any request of one of its members, with a token got by password, renews that',
        retryable: true,
      },
    );
  }

  async useAs<T>({ token }: Asking, act: (openstack: OpenStack) => Promise<T>): Promise<T> {
    const issued = { kind: 'issued', token: new Secret(token ?? '') } as const;
    try {
      return await act(this.#own.actingAs(issued));
    } catch (cause) {
      if (!(cause instanceof OpenStackError && cause.code === 'AUTHENTICATION_FAILED')) throw cause;
      const message = 'OpenStack does not accept the token of this request any more';
      throw new ApiError(401, 'UNAUTHORIZED', message, { hint: 'get a new one, and ask again', cause });
    }
  }

  projects(): Promise<readonly string[]> {
    return delegatedProjects(this.#db);
  }

  /** Null: Keystone does not let us in by it any more. */
  async #clientOf(trust: string, projectId: string): Promise<OpenStack | null> {
    const known = this.#clients.get(trust) ?? this.#own.byTrust(trust);
    this.#clients.set(trust, known);
    if ((await refusalOf(known)) === null) return known;
    // It is used with the controller's own password: while that is not accepted either, nothing is known of the trust.
    await this.#logInAnew();
    // What is known may be of that time.
    const fresh = this.#own.byTrust(trust);
    this.#clients.set(trust, fresh);
    const refusal = await refusalOf(fresh);
    if (refusal === null) return fresh;
    await markDelegationDead(this.#db, trust);
    this.#clients.delete(trust);
    this.#settled.clear();
    this.#log.warn({ err: refusal, project: projectId }, 'Keystone does not accept a delegation any more');
    return null;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
    await this.#own.close();
  }
}

/** It was taken back, has ended, or its maker is no member any more. Keystone answers the last with 403. */
function isRefused(error: unknown): boolean {
  return (
    error instanceof OpenStackError &&
    ['AUTHENTICATION_FAILED', 'FORBIDDEN', 'NOT_FOUND'].includes(error.code)
  );
}

/** Null: it is let in. */
async function refusalOf(client: OpenStack): Promise<unknown> {
  try {
    await client.identity();
    return null;
  } catch (error) {
    if (isRefused(error)) return error;
    throw error;
  }
}
