import { timingSafeEqual } from 'node:crypto';
import { plantSecret } from '../../run-folder.ts';
import { secretText } from '../ids.ts';
import { keystone, type Refusal, unauthorized } from '../reply.ts';
import type { Json } from '../routes.ts';
import type { World } from '../world.ts';
import {
  type Credential,
  domain,
  type Identity,
  type Named,
  type Token,
  type Trust,
  type User,
} from './identity.ts';

/** Who the credential says it is. */
interface Proven {
  readonly user: User;
  readonly methods: readonly string[];
  readonly credential?: Credential;
  readonly before?: Token;
}

interface Scope {
  readonly user: User;
  readonly project: Named | null;
  readonly roles: readonly string[];
  readonly trust: Trust | null;
}

/** The body of `POST /v3/auth/tokens`. Throws a Refusal. */
export function logIn(world: World, auth: Json): Token {
  const { identity } = world;
  const proven = prove(identity, auth?.identity);
  const { user, project, roles, trust } = scopeOf(identity, proven, auth?.scope);
  const now = Date.now();
  const credential = proven.credential ?? null;
  const ends = [
    trust?.expiresAt,
    credential?.expiresAt,
    proven.before?.expiresAt,
    now + world.settings.tokenLifetime * 1000,
  ];
  const token: Token = {
    id: `gAAAAA${secretText()}`,
    methods: proven.methods,
    user,
    project,
    roles,
    issuedAt: now,
    expiresAt: Math.min(...ends.filter((end): end is number => typeof end === 'number')),
    auditId: secretText().slice(0, 22),
    trust,
    credential,
  };
  identity.tokens.set(token.id, token);
  plantSecret('token of the OpenStack stand-in', token.id);
  return token;
}

function prove(identity: Identity, given: Json): Proven {
  const [method] = given?.methods ?? [];
  if (method === 'password') {
    const { password, ...named } = given.password?.user ?? {};
    const user = findUser(identity, named);
    if (!user || !isSame(password, user.password)) throw unauthorized();
    return { user, methods: ['password'] };
  }
  if (method === 'token') {
    const before = identity.token(given.token?.id);
    if (!before || !identity.stands(before)) throw unauthorized();
    return {
      user: before.user,
      methods: ['token', ...before.methods.filter((one) => one !== 'token')],
      before,
    };
  }
  if (method === 'application_credential') {
    const named = given.application_credential ?? {};
    const credential = findCredential(identity, named);
    if (!credential) throw keystone(404, `Could not find Application Credential: ${named.id ?? named.name}.`);
    const isOver = credential.expiresAt !== null && credential.expiresAt <= Date.now();
    if (isOver || !isSame(named.secret, credential.secret)) throw unauthorized();
    return { user: credential.user, methods: ['application_credential'], credential };
  }
  throw keystone(400, "'identity' is a required property");
}

function scopeOf(identity: Identity, { user, credential, before }: Proven, scope: Json): Scope {
  if (credential) {
    const { project, roles } = credential;
    if (scope)
      throw keystone(
        401,
        'Error authenticating with application credential: Application credentials cannot request a scope.',
      );
    return { user, project, roles, trust: null };
  }
  // A token that was got by one cannot become another.
  if (before && (before.trust || before.credential) && scope) throw forbidden();
  const trustId = scope?.['OS-TRUST:trust']?.id;
  if (trustId !== undefined) return scopeOfTrust(identity, user, trustId);
  if (!scope || scope === 'unscoped') {
    const { project = null, roles = [], trust = null } = scope ? {} : (before ?? {});
    return { user, project, roles, trust };
  }
  const wanted = scope.project ?? {};
  const project = identity.projects.find((one) => isMeant(one, wanted));
  const roles = project && user.roles.get(project.id);
  if (!project || !roles?.length) throw unauthorized();
  return { user, project, roles, trust: null };
}

function scopeOfTrust(identity: Identity, user: User, trustId: string): Scope {
  const trust = identity.trusts.get(trustId);
  if (!trust || (trust.expiresAt !== null && trust.expiresAt <= Date.now())) throw unauthorized();
  if (trust.trustee !== user) throw forbidden();
  const left = trust.trustor.roles.get(trust.project.id) ?? [];
  if (!trust.roles.every((role) => left.includes(role))) throw forbidden();
  const acting = trust.impersonation ? trust.trustor : user;
  return { user: acting, project: trust.project, roles: trust.roles, trust };
}

function findUser(identity: Identity, named: Json): User | undefined {
  return identity.users.find((user) => isMeant(user, named));
}

function findCredential(identity: Identity, named: Json): Credential | undefined {
  const { id, name, user } = named;
  const all = [...identity.credentials.values()];
  if (id !== undefined) return all.find((one) => one.id === id);
  return all.find((one) => one.name === name && isMeant(one.user, user ?? {}));
}

function isMeant(thing: Named, { id, name, domain: where }: Json): boolean {
  if (id !== undefined) return thing.id === id;
  return thing.name === name && (where?.id === domain.id || where?.name === domain.name);
}

function isSame(given: unknown, right: string): boolean {
  const [a, b] = [Buffer.from(String(given)), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function forbidden(): Refusal {
  return keystone(403, 'You are not authorized to perform the requested action.');
}
