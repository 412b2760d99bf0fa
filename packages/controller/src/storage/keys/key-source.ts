import { runKeyCommand } from './key-command.ts';
import { KeyFile } from './key-file.ts';
import { type MasterKey, parseMasterKeys } from './master-key.ts';

/** Where the operator keeps the keys. */
export type KeySettings =
  | { readonly kind: 'file'; readonly file: string }
  /** `file`: in systemd's directory of credentials. */
  | { readonly kind: 'credential'; readonly file: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

export interface KeySource {
  readonly kind: KeySettings['kind'];
  /** For people. */
  readonly name: string;
  /** The first is the one that is to encrypt; the others open older records. Throws KeySourceError. */
  read(signal?: AbortSignal): Promise<readonly MasterKey[]>;
  /** Makes the first key where there is none. Null: only the operator can. */
  readonly create: (() => void) | null;
  /** Puts a key in front, or nothing of it when that fails. Null: only the operator can. */
  readonly add: ((key: MasterKey) => void) | null;
}

export function openKeySource(settings: KeySettings): KeySource {
  const { kind } = settings;
  if (settings.kind === 'command') {
    const name = `command ${settings.argv[0]}`;
    const read = async (signal?: AbortSignal) =>
      parseMasterKeys(await runKeyCommand(settings.argv, signal ? { signal } : {}), name);
    return { kind, name, read, create: null, add: null };
  }
  const file = new KeyFile(settings.file, settings.kind);
  const read = async () => parseMasterKeys(file.read(), file.path);
  const name = `${kind} ${settings.file}`;
  if (kind === 'credential') return { kind, name, read, create: null, add: null };
  return { kind, name, read, create: () => file.create(), add: (key) => file.putInFront(key) };
}
