export interface LetIn {
  readonly user: string;
  readonly authorizedKeys: readonly string[];
  /** Private host key that the machine is to have; null: it makes its own. */
  readonly hostKey: string | null;
}

/** What a machine with this user data would let in: cloud-config, which ours writes as JSON, or our script. */
export function readUserData(text: string): LetIn {
  const header = '#cloud-config\n';
  if (text.startsWith(header)) return ofCloudConfig(JSON.parse(text.slice(header.length)));
  const [, user] = /^user=(.+)$/m.exec(text) ?? [];
  const [, keys] = /^ *for key in (.+); do$/m.exec(text) ?? [];
  if (!text.startsWith('#!') || user === undefined || keys === undefined)
    throw new Error(`nobody could start with this user data:\n${text}`);
  const [, key = null] =
    /^ *printf '%s' '(-----BEGIN [^']+)' > \/etc\/ssh\/ssh_host_ed25519_key$/m.exec(text) ?? [];
  return { user: words(user)[0] ?? '', authorizedKeys: words(keys), hostKey: key };
}

interface CloudConfig {
  readonly ssh_keys?: { readonly ed25519_private: string };
  readonly users: readonly (string | { readonly name: string; readonly ssh_authorized_keys: string[] })[];
}

function ofCloudConfig({ users, ssh_keys }: CloudConfig): LetIn {
  const user = users.find((each) => typeof each !== 'string');
  if (user === undefined) throw new Error('cloud-config without a user');
  const hostKey = ssh_keys?.ed25519_private ?? null;
  return { user: user.name, authorizedKeys: user.ssh_authorized_keys, hostKey };
}

/** As a POSIX shell would: what stands in single quotes, and single characters behind a backslash. */
function words(text: string): string[] {
  const found: string[] = [];
  for (const [word] of text.matchAll(/(?:'[^']*'|\\.|[^\s'\\])+/g))
    found.push(
      word.replace(/'([^']*)'|\\(.)/g, (_all, quoted?: string, one?: string) => quoted ?? one ?? ''),
    );
  return found;
}
