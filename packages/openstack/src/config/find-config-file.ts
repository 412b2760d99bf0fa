import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { OpenStackError } from '../errors.ts';

export interface SearchOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The clouds.yaml, in place of looking for one. */
  readonly file?: string | undefined;
  readonly workingFolder: string;
  readonly homeFolder: string;
}

/** In the order of openstacksdk: here, the user's, the computer's. */
export function configFolders({ environment, workingFolder, homeFolder }: SearchOptions): readonly string[] {
  const own = environment.XDG_CONFIG_HOME || path.join(homeFolder, '.config');
  return [workingFolder, path.join(own, 'openstack'), '/etc/openstack'];
}

/**
 * The first that exists of `clouds.yaml`, `.yml`, `.json` in each folder. A file that the environment names has to be there.
 * Null: none.
 */
export function findConfigFile(name: 'clouds' | 'secure', options: SearchOptions): string | null {
  const variable = name === 'clouds' ? 'OS_CLIENT_CONFIG_FILE' : 'OS_CLIENT_SECURE_FILE';
  const given = name === 'clouds' ? options.file : undefined;
  const named = given ?? options.environment[variable];
  if (named) {
    const file = path.resolve(options.workingFolder, expandHome(named, options.homeFolder));
    if (isThere(file)) return file;
    throw new OpenStackError(`${file} cannot be read`, {
      code: 'CONFIG_NOT_FOUND',
      hint: given ? 'name one that is there' : `${variable} names it: correct or unset that`,
    });
  }
  for (const folder of configFolders(options))
    for (const ending of ['yaml', 'yml', 'json']) {
      const file = path.join(folder, `${name}.${ending}`);
      if (isThere(file)) return file;
    }
  return null;
}

export function expandHome(file: string, homeFolder: string): string {
  return file.replace(/^~(?=$|\/)/, () => homeFolder);
}

/** A file that is there and may not be read has to be noticed when it is read, not passed over for the next. */
function isThere(file: string): boolean {
  try {
    accessSync(file, constants.F_OK);
    return true;
  } catch {
    return false;
  }
}
