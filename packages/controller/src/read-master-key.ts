import path from 'node:path';
import { ConfigError } from './config.ts';
import type { ConfigFile } from './config-file.ts';
import type { KeySettings } from './storage/keys/key-source.ts';

/** Where the operator wants the keys to come from; without a word, from a file in the data directory. */
export function readMasterKey(file: ConfigFile, env: NodeJS.ProcessEnv, data: string): KeySettings {
  const { master_key_file: given, master_key_credential: name, master_key_command: argv } = file;
  if ([given, name, argv].filter((each) => each !== undefined).length > 1)
    throw new ConfigError(
      'master_key_file, master_key_credential and master_key_command exclude each other: the keys have one source',
    );
  if (argv !== undefined) {
    if (!path.isAbsolute(argv[0] ?? ''))
      throw new ConfigError(
        `master_key_command: the program '${argv[0]}' must be named by its absolute path`,
      );
    return { kind: 'command', argv };
  }
  if (name === undefined) return { kind: 'file', file: path.resolve(given ?? path.join(data, 'master.key')) };
  const directory = env.CREDENTIALS_DIRECTORY;
  if (!directory)
    throw new ConfigError(
      `master_key_credential: there is no CREDENTIALS_DIRECTORY; start the controller by systemd with ` +
        `LoadCredential=${name}:PATH or LoadCredentialEncrypted=${name}:PATH`,
    );
  return { kind: 'credential', file: path.join(directory, name) };
}
