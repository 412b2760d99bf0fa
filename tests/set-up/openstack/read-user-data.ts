export interface LetIn {
  readonly user: string;
  readonly authorizedKeys: readonly string[];
}

/** What a machine with this user data would let in: cloud-config, which ours writes as JSON, or our script. */
export function readUserData(text: string): LetIn {
  const header = '#cloud-config\n';
  if (text.startsWith(header)) return ofCloudConfig(JSON.parse(text.slice(header.length)));
  const [, user] = /^user=(.+)$/m.exec(text) ?? [];
  const [, keys] = /^ *for key in (.+); do$/m.exec(text) ?? [];
  if (!text.startsWith('#!') || user === undefined || keys === undefined)
    throw new Error(`nobody could start with this user data:\n${text}`);
  return { user: words(user)[0] ?? '', authorizedKeys: words(keys) };
}

interface CloudConfig {
  readonly users: readonly (string | { readonly name: string; readonly ssh_authorized_keys: string[] })[];
}

function ofCloudConfig({ users }: CloudConfig): LetIn {
  const user = users.find((each) => typeof each !== 'string');
  if (user === undefined) throw new Error('cloud-config without a user');
  return { user: user.name, authorizedKeys: user.ssh_authorized_keys };
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
