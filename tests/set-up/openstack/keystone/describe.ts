import { microseconds } from '../ids.ts';
import type { World } from '../world.ts';
import { catalog } from './catalog.ts';
import { type Credential, domain, type Named, type Token, type Trust, type User } from './identity.ts';

export function describeToken(world: World, token: Token, withCatalog: boolean): object {
  const { user, project, trust, credential } = token;
  const scoped = project
    ? {
        project: { ...named(project), domain },
        is_domain: false,
        roles: roles(world, token.roles),
        ...(withCatalog ? { catalog: catalog(world, project.id) } : {}),
      }
    : {};
  return {
    methods: token.methods,
    user: { ...named(user), domain, password_expires_at: null },
    audit_ids: [token.auditId],
    issued_at: microseconds(token.issuedAt),
    expires_at: microseconds(token.expiresAt),
    ...scoped,
    ...(trust ? { 'OS-TRUST:trust': trustOfToken(trust) } : {}),
    ...(credential
      ? { application_credential: { ...named(credential), restricted: !credential.unrestricted } }
      : {}),
  };
}

export function describeTrust(world: World, trust: Trust): object {
  return {
    id: trust.id,
    trustor_user_id: trust.trustor.id,
    trustee_user_id: trust.trustee.id,
    project_id: trust.project.id,
    impersonation: trust.impersonation,
    expires_at: trust.expiresAt === null ? null : microseconds(trust.expiresAt),
    remaining_uses: null,
    deleted_at: null,
    redelegated_trust_id: null,
    redelegation_count: 0,
    roles: roles(world, trust.roles),
    roles_links: {
      self: `${world.origin}/identity/v3/OS-TRUST/trusts/${trust.id}/roles`,
      next: null,
      previous: null,
    },
    links: { self: `${world.origin}/identity/v3/OS-TRUST/trusts/${trust.id}` },
  };
}

export function describeCredential(world: World, credential: Credential): object {
  const { id, name, user, project, description, unrestricted, expiresAt } = credential;
  return {
    id,
    name,
    user_id: user.id,
    project_id: project.id,
    description,
    unrestricted,
    expires_at: expiresAt === null ? null : microseconds(expiresAt),
    roles: roles(world, credential.roles),
    system: null,
    links: {},
  };
}

export function describeProject({ id, name }: Named): object {
  const options = {};
  return {
    id,
    name,
    domain_id: domain.id,
    enabled: true,
    is_domain: false,
    parent_id: domain.id,
    description: '',
    tags: [],
    options,
    links: {},
  };
}

export function describeUser({ id, name }: User): object {
  return { id, name, domain_id: domain.id, enabled: true, password_expires_at: null, options: {}, links: {} };
}

function trustOfToken({ id, trustor, trustee, impersonation }: Trust): object {
  return { id, trustor_user: { id: trustor.id }, trustee_user: { id: trustee.id }, impersonation };
}

function roles(world: World, names: readonly string[]): object[] {
  return names.map((name) => ({ ...world.identity.role(name), domain_id: null }));
}

function named({ id, name }: Named): Named {
  return { id, name };
}
