import type { IncomingHttpHeaders } from 'node:http';
import type { Right, Role } from '@wadi/api';

/** Who makes a request, and what that one may do at this moment. */
export interface Principal {
  readonly projectId: string;
  /** Of ours the row's id, of Keystone its audit id: never the token. */
  readonly tokenId: string;
  /** The token's name or the user's, for people who read the audit log. */
  readonly name: string;
  readonly role: Role;
  /** An admin of this project is one of the whole installation. Absent: as the project is called. */
  readonly isOperators?: boolean;
  readonly rights: ReadonlySet<Right>;
}

/** One way to tell who makes a request. */
export interface Authenticator {
  /** Null: nobody we know, or not any more. */
  authenticate(headers: IncomingHttpHeaders): Promise<Principal | null>;
  /** For `WWW-Authenticate`: where tokens come from. */
  readonly challenge: string;
}

export function givenToken(headers: IncomingHttpHeaders): string | null {
  const given = headers['x-auth-token'];
  if (typeof given === 'string' && given !== '') return given;
  return /^Bearer ([\x21-\x7e]+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}
