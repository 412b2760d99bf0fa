import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface CloudsFile {
  readonly authUrl: string;
  readonly username: string;
  readonly password: string;
  readonly project: string;
}

/** A clouds.yaml with one cloud, `stand-in`, that only its owner may read. Returns its path. */
export function writeCloudsFile(
  folder: string,
  { authUrl, username, password, project }: CloudsFile,
): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const file = path.join(folder, 'clouds.yaml');
  // A JSON text is YAML, too, whatever is in it.
  const auth = {
    auth_url: authUrl,
    username,
    password,
    project_name: project,
    user_domain_name: 'Default',
    project_domain_name: 'Default',
  };
  const cloud = { auth, region_name: 'RegionOne', interface: 'public' };
  writeFileSync(file, `${JSON.stringify({ clouds: { 'stand-in': cloud } }, null, 2)}\n`, { mode: 0o600 });
  return file;
}
