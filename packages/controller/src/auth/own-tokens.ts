import type { Logger } from 'pino';
import { findToken, touchToken } from '../storage/api-tokens.ts';
import type { Database } from '../storage/database.ts';
import { type Authenticator, givenToken } from './principal.ts';
import { rightsOf } from './rights.ts';

/** Tokens that this controller gave out. Asked of the database each time: what is revoked is so at once. */
export function ownTokens(db: Database, log: Logger): Authenticator {
  return {
    challenge: 'Keystone uri="wadi"',
    async authenticate(headers) {
      const token = givenToken(headers);
      const row = token ? await findToken(db, token) : undefined;
      if (!row) return null;
      touchToken(db, row).catch((error) => log.warn({ err: error }, 'could not note the use of a token'));
      const { role, member_root: memberRoot, rights: restrictedTo } = row;
      return {
        projectId: row.project_id,
        tokenId: row.id,
        name: row.name,
        role,
        rights: rightsOf({ role, memberRoot, restrictedTo }),
      };
    },
  };
}
