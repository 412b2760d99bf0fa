import { hexId, secretText } from '../ids.ts';

export interface Named {
  readonly id: string;
  readonly name: string;
}

export interface User extends Named {
  readonly password: string;
  /** Role names by project id. */
  readonly roles: Map<string, string[]>;
}

export interface Trust {
  readonly id: string;
  readonly trustor: User;
  readonly trustee: User;
  readonly project: Named;
  readonly impersonation: boolean;
  readonly roles: readonly string[];
  readonly expiresAt: number | null;
}

export interface Credential extends Named {
  readonly user: User;
  readonly project: Named;
  readonly roles: readonly string[];
  readonly secret: string;
  readonly description: string | null;
  readonly unrestricted: boolean;
  readonly expiresAt: number | null;
}

export interface Token {
  readonly id: string;
  readonly methods: readonly string[];
  readonly user: User;
  readonly project: Named | null;
  readonly roles: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly auditId: string;
  readonly trust: Trust | null;
  readonly credential: Credential | null;
}

export interface UserSpec {
  readonly name: string;
  /** Default: a random one. */
  readonly password?: string;
  /** Role names by project name. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
}

/** Everybody is in the domain `Default`. */
export const domain = { id: 'default', name: 'Default' } as const;

/** Who there is, and what they gave each other. */
export class Identity {
  readonly projects: Named[];
  readonly users: User[];
  readonly roles = new Map<string, Named>();
  readonly trusts = new Map<string, Trust>();
  readonly credentials = new Map<string, Credential>();
  readonly tokens = new Map<string, Token>();

  constructor(projects: readonly string[], users: readonly UserSpec[]) {
    this.projects = projects.map((name) => ({ id: hexId(), name }));
    this.users = users.map(({ name, password = secretText(), roles }) => ({
      id: hexId(),
      name,
      password,
      roles: new Map(
        Object.entries(roles).map(([project, given]) => [this.projectNamed(project).id, [...given]]),
      ),
    }));
  }

  projectNamed(name: string): Named {
    const found = this.projects.find((project) => project.name === name);
    if (!found) throw new Error(`the stand-in has no project "${name}"`);
    return found;
  }

  userNamed(name: string): User {
    const found = this.users.find((user) => user.name === name);
    if (!found) throw new Error(`the stand-in has no user "${name}"`);
    return found;
  }

  role(name: string): Named {
    const role = this.roles.get(name) ?? { id: hexId(), name };
    this.roles.set(name, role);
    return role;
  }

  /** Null: it is not valid, or not any more. */
  token(id: string | undefined): Token | null {
    const token = this.tokens.get(id ?? '');
    return token && token.expiresAt > Date.now() ? token : null;
  }

  /** Whether what the token was got by is still there. Services other than Keystone do not ask: they cache. */
  stands({ trust, credential }: Token): boolean {
    return (!trust || this.trusts.has(trust.id)) && (!credential || this.credentials.has(credential.id));
  }
}

export function isAdmin(token: Token): boolean {
  return token.roles.includes('admin');
}
