import { createHash } from 'node:crypto';
import type { Role } from '@wadi/api';
import type { Database } from '../storage/database.ts';
import type { Member } from '../storage/delegations.ts';
import { ensureProject } from '../storage/projects.ts';
import type { KeystoneClient, KeystoneToken } from './keystone-client.ts';
import { type Authenticator, givenToken, type Principal } from './principal.ts';
import { rightsOf } from './rights.ts';

/** Milliseconds for which an answer holds. With the look at open requests, a revoked token is dead within a minute. */
const fresh = 30_000;
const mostRemembered = 10_000;
const longestToken = 16_384;

export interface KeystoneTokensOptions {
  /** Id; null: nobody answers for the whole installation. */
  readonly operatorsProject: string | null;
  /** Learns of every member of a project who comes with a token. */
  readonly onMember?: ((member: Member) => Promise<void>) | undefined;
}

interface Remembered {
  readonly until: number;
  readonly found: Promise<Found | null>;
}

interface Found {
  readonly principal: Principal;
  /** Null: one who may make nothing. */
  readonly member: Omit<Member, 'token'> | null;
}

/** Tokens of Keystone: its project is ours, its roles are matched by name. Nobody else is let in. */
export function keystoneTokens(
  client: KeystoneClient,
  db: Database,
  url: string,
  { operatorsProject, onMember }: KeystoneTokensOptions,
): Authenticator {
  const remembered = new Map<string, Remembered>();

  const remember = (key: string, found: Promise<Found | null>) => {
    remembered.delete(key);
    remembered.set(key, { until: Date.now() + fresh, found });
    for (const oldest of remembered.keys()) {
      if (remembered.size <= mostRemembered) break;
      remembered.delete(oldest);
    }
  };

  const ask = async (token: string): Promise<Found | null> => {
    const found = await client.validate(token);
    if (!found?.project || Date.parse(found.expires_at) <= Date.now()) return null;
    const { id: projectId, name } = found.project;
    const { member_root: memberRoot } = await ensureProject(db, projectId, name);
    const role = roleOf(found);
    const { id: userId, name: userName } = found.user;
    const roles = (found.roles ?? []).map((each) => each.name);
    const principal: Principal = {
      projectId,
      tokenId: found.audit_ids?.[0] ?? 'keystone',
      name: userName,
      role: role ?? 'reader',
      isOperators: projectId === operatorsProject,
      rights: rightsOf({ role: role ?? 'reader', memberRoot, restrictedTo: role ? null : [] }),
    };
    const isMember = role === 'member' || role === 'admin';
    return { principal, member: isMember ? { projectId, userId, userName, roles } : null };
  };

  return {
    challenge: `Keystone uri="${url}"`,
    async authenticate(headers) {
      const token = givenToken(headers);
      if (!token || token.length > longestToken) return null;
      // The map must not be a list of tokens for who reads a core dump.
      const key = createHash('sha256').update(token).digest('base64');
      const known = remembered.get(key);
      const isFresh = known !== undefined && known.until > Date.now();
      const asked = isFresh ? known.found : ask(token);
      if (!isFresh) remember(key, asked);
      try {
        const found = await asked;
        // Each time: what somebody let us do may have ended since.
        if (found?.member) await onMember?.({ ...found.member, token });
        return found?.principal ?? null;
      } catch (error) {
        // That nobody could tell is no answer to remember.
        if (remembered.get(key)?.found === asked) remembered.delete(key);
        throw error;
      }
    },
  };
}

/** The strongest of those that we know. */
function roleOf({ roles = [] }: KeystoneToken): Role | undefined {
  const names = roles.map(({ name }) => name.toLowerCase());
  if (names.includes('admin')) return 'admin';
  if (names.includes('member') || names.includes('_member_')) return 'member';
  return names.includes('reader') ? 'reader' : undefined;
}
