import { homedir } from 'node:os';
import process from 'node:process';
import { OpenStackError } from '../errors.ts';
import type { CloudConfig } from './cloud-config.ts';
import { cloudOfEnvironment, environmentPlace } from './environment.ts';
import { Fields } from './fields.ts';
import { configFolders, findConfigFile, type SearchOptions } from './find-config-file.ts';
import { readCloud } from './read-cloud.ts';
import { isMapping, type Mapping, readYaml } from './read-yaml.ts';

export interface LoadOptions {
  /** Its name in clouds.yaml. Default: OS_CLOUD; else OS_AUTH_URL and its like; else the only one that is there. */
  readonly cloud?: string | undefined;
  /** In place of the one that is written there. */
  readonly region?: string | undefined;
  /** In place of looking for one. */
  readonly file?: string | undefined;
  /** Default: those of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly workingFolder?: string;
  readonly homeFolder?: string;
}

/**
 * Finds and checks what is needed to talk to a cloud: clouds.yaml with secure.yaml over it, or OS_… variables. As with
 * openstacksdk, variables are not mixed into a cloud of the file. Reads files; throws OpenStackError.
 */
export function loadCloud(options: LoadOptions = {}): CloudConfig {
  const environment = options.environment ?? process.env;
  const search = {
    environment:
      options.file === undefined ? environment : { ...environment, OS_CLIENT_CONFIG_FILE: options.file },
    workingFolder: options.workingFolder ?? process.cwd(),
    homeFolder: options.homeFolder ?? homedir(),
  };
  const wanted = options.cloud ?? environment.OS_CLOUD;
  const ofEnvironment = wanted || options.file !== undefined ? null : cloudOfEnvironment(environment);
  if (ofEnvironment)
    return readCloud(new Fields(environmentPlace, ofEnvironment), {
      name: 'environment',
      region: options.region,
      ...search,
    });
  const { name, fields } = findCloud(wanted || null, search);
  return readCloud(fields, { name, region: options.region, ...search });
}

function findCloud(wanted: string | null, search: SearchOptions) {
  const file = findConfigFile('clouds', search);
  if (file === null)
    throw new OpenStackError(
      `there is no clouds.yaml${wanted ? ` with the cloud "${wanted}"` : ', and OS_AUTH_URL is not set'}`,
      {
        code: 'CONFIG_NOT_FOUND',
        hint: `put a clouds.yaml in one of ${configFolders(search).join(', ')}, or name it by OS_CLIENT_CONFIG_FILE`,
      },
    );
  const clouds = cloudsIn(file);
  const names = Object.keys(clouds);
  const name = wanted ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined || !names.includes(name)) {
    const problem =
      name === undefined ? `${file} has ${names.length} clouds` : `${file} has no cloud "${name}"`;
    throw new OpenStackError(problem, {
      code: 'CONFIG_NOT_FOUND',
      hint: names.length > 0 ? `choose one of ${names.join(', ')}, by OS_CLOUD` : 'write one below `clouds`',
    });
  }
  const place = { source: file, key: (key: string) => `clouds.${name}${key === '' ? '' : `.${key}`}` };
  const cloud = clouds[name];
  if (!isMapping(cloud))
    throw new Fields(place, {}).invalid('', 'is not a mapping', 'write its keys below it');
  const secure = findConfigFile('secure', search);
  const over = secure === null ? undefined : cloudsIn(secure)[name];
  if (over !== undefined && !isMapping(over))
    throw new Fields({ ...place, source: secure ?? '' }, {}).invalid(
      '',
      'is not a mapping',
      'write its keys below it',
    );
  return { name, fields: new Fields(place, over ? merge(cloud, over) : cloud) };
}

function cloudsIn(file: string): Mapping {
  const clouds = readYaml(file).clouds ?? {};
  if (isMapping(clouds)) return clouds;
  throw new OpenStackError(`${file}: clouds is not a mapping`, {
    code: 'CONFIG_INVALID',
    hint: 'write each cloud below it by its name, indented',
  });
}

function merge(below: Mapping, over: Mapping): Mapping {
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(over)) {
    const old = merged[key];
    merged[key] = isMapping(old) && isMapping(value) ? merge(old, value) : value;
  }
  return merged;
}
