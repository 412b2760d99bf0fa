import type { Stats } from 'node:fs';

/** SFTP version 3 (draft-ietf-secsh-filexfer-02): numbers of the messages that we know. */
export const request = {
  init: 1,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  extended: 200,
} as const;

const response = { version: 2, status: 101, handle: 102, data: 103, name: 104, attributes: 105 } as const;

export const status = { ok: 0, endOfFile: 1, noSuchFile: 2, denied: 3, failure: 4, unsupported: 8 } as const;

const has = { size: 1, owner: 2, permissions: 4, times: 8, extended: 0x80000000 };

/** Attributes of a file as far as the other side gave them. Times in seconds since the epoch. */
export interface Attributes {
  readonly size?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly permissions?: number;
  readonly times?: { readonly accessed: number; readonly modified: number };
}

/** Reads the fields of a message in order; throws where the message is too short. */
export class PacketReader {
  readonly #packet: Buffer;
  #place = 0;

  constructor(packet: Buffer) {
    this.#packet = packet;
  }

  get isAtEnd(): boolean {
    return this.#place >= this.#packet.length;
  }

  byte(): number {
    this.#place += 1;
    return this.#packet.readUInt8(this.#place - 1);
  }

  number(): number {
    this.#place += 4;
    return this.#packet.readUInt32BE(this.#place - 4);
  }

  /** 64 bits; beyond 2^53 no file of ours has bytes. */
  offset(): number {
    this.#place += 8;
    return Number(this.#packet.readBigUInt64BE(this.#place - 8));
  }

  bytes(): Buffer {
    const length = this.number();
    if (length > this.#packet.length - this.#place) throw new RangeError('an SFTP message is too short');
    this.#place += length;
    return this.#packet.subarray(this.#place - length, this.#place);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  attributes(): Attributes {
    const flags = this.number();
    return {
      ...(flags & has.size ? { size: this.offset() } : {}),
      ...(flags & has.owner ? { owner: { uid: this.number(), gid: this.number() } } : {}),
      ...(flags & has.permissions ? { permissions: this.number() } : {}),
      ...(flags & has.times ? { times: { accessed: this.number(), modified: this.number() } } : {}),
    };
  }
}

export function versionPacket(extensions: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(extensions).flatMap(([name, version]) => [text(name), text(version)]);
  return packet(response.version, number(3), ...pairs);
}

export function statusPacket(id: number, code: number, message: string): Buffer {
  return packet(response.status, number(id), number(code), text(message), text(''));
}

export function handlePacket(id: number, handle: number): Buffer {
  return packet(response.handle, number(id), bytes(number(handle)));
}

export function dataPacket(id: number, data: Buffer): Buffer {
  return packet(response.data, number(id), bytes(data));
}

export function attributesPacket(id: number, stats: Stats): Buffer {
  return packet(response.attributes, number(id), attributes(stats));
}

/** A name, how `ls -l` would show it, and its attributes. */
export function namePacket(id: number, entries: readonly { name: string; stats?: Stats }[]): Buffer {
  const fields = entries.flatMap(({ name, stats }) => [
    text(name),
    text(stats ? longName(name, stats) : name),
    stats ? attributes(stats) : number(0),
  ]);
  return packet(response.name, number(id), number(entries.length), ...fields);
}

function longName(name: string, stats: Stats): string {
  const kind = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : '-';
  const rights = [...'rwxrwxrwx'].map((right, i) => (stats.mode & (0o400 >> i) ? right : '-')).join('');
  const when = stats.mtime.toISOString().slice(0, 16).replace('T', ' ');
  return `${kind}${rights} ${stats.nlink} ${stats.uid} ${stats.gid} ${stats.size} ${when} ${name}`;
}

function attributes(stats: Stats): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(stats.size));
  const flags = has.size | has.owner | has.permissions | has.times;
  const times = [stats.atimeMs, stats.mtimeMs].map((ms) => number(Math.floor(ms / 1000)));
  return Buffer.concat([
    number(flags),
    size,
    number(stats.uid),
    number(stats.gid),
    number(stats.mode),
    ...times,
  ]);
}

function packet(type: number, ...fields: Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from([type]), ...fields]);
  return bytes(body);
}

function number(value: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(value >>> 0);
  return field;
}

function bytes(value: Buffer): Buffer {
  return Buffer.concat([number(value.length), value]);
}

function text(value: string): Buffer {
  return bytes(Buffer.from(value, 'utf8'));
}
