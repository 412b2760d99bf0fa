import { Secret } from '../secret.ts';
import type { Credential, NamedInDomain, Scope } from './cloud-config.ts';
import type { Fields } from './fields.ts';

/** Of what stands in files. */
type Kind = Exclude<Credential['kind'], 'issued'>;

const kinds: Readonly<Record<string, Kind>> = {
  password: 'password',
  v3password: 'password',
  token: 'token',
  v3token: 'token',
  v3applicationcredential: 'application_credential',
};

/** Who logs in, and for what: `auth_type` where it is given, else what the secrets in `auth` say. */
export function readCredential(fields: Fields): Credential {
  for (const name of ['auth.system_scope'])
    if (fields.value(name) !== null)
      throw fields.invalid(name, 'is not supported', 'name a project: auth.project_name or auth.project_id');
  const kind = kindOf(fields);
  if (kind === 'application_credential') return readApplicationCredential(fields);
  if (kind === 'token') {
    const token = fields.needed('auth.token', 'give a token, or another auth_type');
    return { kind, token: new Secret(token), scope: readScope(fields) };
  }
  const user = readUser(fields);
  if (!user) throw fields.invalid('auth.username', 'is missing', 'say who logs in');
  const password = fields.needed('auth.password', 'write it there, or in secure.yaml beside clouds.yaml');
  const scope = readScope(fields);
  if (!scope)
    throw fields.invalid('auth.project_name', 'is missing', 'say for which project (or auth.project_id)');
  return { kind, user, password: new Secret(password), scope };
}

function kindOf(fields: Fields): Kind {
  const type = fields.text('auth_type');
  if (type !== null) {
    const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
    if (kind) return kind;
    throw fields.invalid(
      'auth_type',
      'is none of those that are known',
      `use ${Object.keys(kinds).join(', ')}`,
    );
  }
  if (fields.value('auth.application_credential_secret') !== null) return 'application_credential';
  if (fields.value('auth.token') !== null) return 'token';
  return 'password';
}

function readApplicationCredential(fields: Fields): Credential {
  const secret = new Secret(
    fields.needed('auth.application_credential_secret', 'it was shown once, when the credential was made'),
  );
  const kind = 'application_credential';
  const id = fields.text('auth.application_credential_id');
  if (id !== null) return { kind, credential: { id }, secret };
  const name = fields.text('auth.application_credential_name');
  const user = readUser(fields);
  if (name !== null && user) return { kind, credential: { name, user }, secret };
  throw fields.invalid(
    'auth.application_credential_id',
    'is missing',
    'give it, or auth.application_credential_name together with its user',
  );
}

function readUser(fields: Fields): NamedInDomain | null {
  const names = { id: 'auth.user_id', name: 'auth.username', domain: 'auth.user_domain' };
  return fields.named('user', names);
}

function readScope(fields: Fields): Scope | null {
  const trustId = fields.text('auth.trust_id');
  const project =
    fields.named('project', {
      id: 'auth.project_id',
      name: 'auth.project_name',
      domain: 'auth.project_domain',
    }) ??
    fields.named('project', {
      id: 'auth.tenant_id',
      name: 'auth.tenant_name',
      domain: 'auth.project_domain',
    });
  if (trustId !== null && project)
    throw fields.invalid(
      'auth.trust_id',
      'and a project are both given',
      'a trust has its project: keep one',
    );
  if (trustId !== null) return { kind: 'trust', trustId };
  return project && { kind: 'project', project };
}
