import type { Fields } from './fields.ts';
import { isMapping } from './read-yaml.ts';

/** Of `auth`; anything else there is a mistake, since it would change who logs in. */
const authKeys = [
  'auth_url',
  'username',
  'user_id',
  'user_domain_name',
  'user_domain_id',
  'password',
  'project_name',
  'project_id',
  'project_domain_name',
  'project_domain_id',
  'tenant_name',
  'tenant_id',
  'domain_name',
  'domain_id',
  'default_domain',
  'system_scope',
  'token',
  'trust_id',
  'application_credential_id',
  'application_credential_name',
  'application_credential_secret',
];

const ours = [
  'auth',
  'auth_type',
  'region_name',
  'regions',
  'interface',
  'endpoint_type',
  'cacert',
  'verify',
];

/** A cloud may hold keys of other programs too, but none that looks like one of ours misspelt. */
export function checkKeys(fields: Fields): void {
  const auth = fields.value('auth');
  if (auth !== null && !isMapping(auth))
    throw fields.invalid('auth', 'is not a mapping', 'write its keys below it, indented');
  for (const key of Object.keys(auth ?? {})) {
    if (authKeys.includes(key)) continue;
    const meant = nearest(key, authKeys);
    const hint = meant ? `did you mean ${meant}?` : `known are ${authKeys.join(', ')}`;
    throw fields.invalid(`auth.${shown(key)}`, 'is not known', hint);
  }
  for (const key of fields.keys) {
    if (ours.includes(key)) continue;
    if (authKeys.includes(key))
      throw fields.invalid(key, 'is not where it belongs', `move it below \`auth\``);
    const meant = nearest(key, ours);
    if (meant) throw fields.invalid(key, 'is not known', `did you mean ${meant}?`);
  }
}

function nearest(key: string, known: readonly string[]): string | null {
  return known.find((one) => distance(key.toLowerCase(), one) <= (one.length > 5 ? 2 : 1)) ?? null;
}

/** A value that slipped into the place of a key may be a password. */
function shown(key: string): string {
  return /^[a-z][a-z0-9]*([_-][a-z0-9]+)*$/i.test(key) && key.length <= 40
    ? key
    : '(a key with odd characters)';
}

/** How many characters have to be put in, taken out or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, changed));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
