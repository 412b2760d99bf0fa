import type { Credential, NamedInDomain, Scope } from '../config/cloud-config.ts';

/** By which Keystone gives a token. */
type Login = Exclude<Credential, { kind: 'issued' }>;

/** What `POST /v3/auth/tokens` wants. */
export function loginBody(credential: Login): object {
  const identity = identityOf(credential);
  // An application credential has its project, and Keystone refuses to be told one.
  const scope = credential.kind === 'application_credential' ? null : credential.scope;
  return { auth: { identity, ...(scope === null ? {} : { scope: scopeOf(scope) }) } };
}

/** That are in what is sent. */
export function secretsOf(credential: Credential): readonly string[] {
  if (credential.kind === 'password') return [credential.password.reveal()];
  if (credential.kind === 'application_credential') return [credential.secret.reveal()];
  return [credential.token.reveal()];
}

function identityOf(credential: Login): object {
  if (credential.kind === 'password') {
    const user = { ...reference(credential.user), password: credential.password.reveal() };
    return { methods: ['password'], password: { user } };
  }
  if (credential.kind === 'token') return { methods: ['token'], token: { id: credential.token.reveal() } };
  const { credential: which, secret } = credential;
  const named = 'id' in which ? { id: which.id } : { name: which.name, user: reference(which.user) };
  return {
    methods: ['application_credential'],
    application_credential: { ...named, secret: secret.reveal() },
  };
}

function scopeOf(scope: Scope): object {
  if (scope.kind === 'trust') return { 'OS-TRUST:trust': { id: scope.trustId } };
  return { project: reference(scope.project) };
}

function reference(named: NamedInDomain): object {
  return 'id' in named ? { id: named.id } : { name: named.name, domain: named.domain };
}
