import { constants, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { confine } from './confined-path.ts';
import * as sftp from './sftp-packet.ts';
import { type PacketReader, request, status } from './sftp-packet.ts';

const limits = {
  /** Bytes; as OpenSSH's sftp-server. */
  packet: 256 * 1024,
  read: 255 * 1024,
  handles: 100,
};

/** What clients write atomically and durably with; the names are OpenSSH's (its PROTOCOL file, section 4). */
const extensions = { 'posix-rename@openssh.com': '1', 'fsync@openssh.com': '1' };

type Handle =
  | { readonly file: fs.FileHandle; readonly append: boolean }
  | { readonly folder: string; names: string[] | undefined };

/** An SFTP server (version 3) for one session on one machine: sees its home directory and nothing else. */
export class SftpServer {
  readonly #home: string;
  readonly #send: (packet: Buffer) => Promise<void>;
  readonly #handles = new Map<number, Handle>();
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #nextHandle = 0;

  constructor(home: string, send: (packet: Buffer) => Promise<void>) {
    this.#home = home;
    this.#send = send;
  }

  /** Takes bytes from the client and resolves when every request that they complete has been answered. */
  async receive(chunk: Buffer): Promise<void> {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    for (let packet = this.#nextPacket(); packet; packet = this.#nextPacket()) await this.#handle(packet);
  }

  async close(): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of handles) if ('file' in handle) await handle.file.close().catch(() => undefined);
  }

  #nextPacket(): Buffer | undefined {
    if (this.#pendingBytes < 5) return undefined;
    if ((this.#pending[0] as Buffer).length < 4) this.#pending = [Buffer.concat(this.#pending)];
    const length = (this.#pending[0] as Buffer).readUInt32BE(0);
    if (length < 1 || length > limits.packet) throw new Error(`an SFTP message of ${length} bytes`);
    if (this.#pendingBytes < length + 4) return undefined;
    const all = Buffer.concat(this.#pending);
    this.#pending = [all.subarray(length + 4)];
    this.#pendingBytes -= length + 4;
    return all.subarray(4, length + 4);
  }

  async #handle(packet: Buffer): Promise<void> {
    const fields = new sftp.PacketReader(packet);
    const type = fields.byte();
    if (type === request.init) return this.#send(sftp.versionPacket(extensions));
    const id = fields.number();
    const answer = await this.#answer(type, id, fields).catch((error) => describeError(id, error));
    await this.#send(answer ?? sftp.statusPacket(id, status.ok, ''));
  }

  /** Undefined: done, nothing to tell. */
  async #answer(type: number, id: number, fields: PacketReader): Promise<Buffer | undefined> {
    switch (type) {
      case request.open:
        return sftp.handlePacket(id, await this.#open(fields));
      case request.close:
        return this.#closeHandle(fields);
      case request.read:
        return this.#read(id, fields);
      case request.write:
        return this.#write(fields);
      case request.lstat:
        return sftp.attributesPacket(id, await fs.lstat(await this.#entry(fields)));
      case request.stat:
        return sftp.attributesPacket(id, await fs.stat(await this.#target(fields)));
      case request.fstat:
        return sftp.attributesPacket(id, await this.#file(fields).file.stat());
      case request.setstat:
        return this.#setAttributes(await this.#target(fields), fields.attributes());
      case request.fsetstat:
        return this.#setAttributes(this.#file(fields).file, fields.attributes());
      case request.opendir:
        return sftp.handlePacket(id, await this.#openFolder(fields));
      case request.readdir:
        return this.#readFolder(id, fields);
      case request.remove:
        return void (await fs.unlink(await this.#entry(fields)));
      case request.mkdir:
        return void (await fs.mkdir(await this.#entry(fields), fields.attributes().permissions ?? 0o777));
      case request.rmdir:
        return void (await fs.rmdir(await this.#entry(fields)));
      case request.realpath:
        return sftp.namePacket(id, [{ name: await this.#target(fields) }]);
      case request.rename:
        return this.#rename(fields, false);
      case request.readlink:
        return sftp.namePacket(id, [{ name: await fs.readlink(await this.#entry(fields)) }]);
      case request.symlink:
        // OpenSSH sends the target first, against the draft; so does everybody since.
        return void (await fs.symlink(fields.text(), await this.#entry(fields)));
      case request.extended:
        return this.#extended(id, fields);
      default:
        return sftp.statusPacket(id, status.unsupported, 'not supported');
    }
  }

  async #extended(id: number, fields: PacketReader): Promise<Buffer | undefined> {
    const name = fields.text();
    if (name === 'posix-rename@openssh.com') return this.#rename(fields, true);
    if (name === 'fsync@openssh.com') return void (await this.#file(fields).file.sync());
    return sftp.statusPacket(id, status.unsupported, `${name} is not supported`);
  }

  async #open(fields: PacketReader): Promise<number> {
    const file = await this.#target(fields);
    const asked = fields.number();
    const { permissions } = fields.attributes();
    const [read, write] = [asked & 0x01, asked & 0x02];
    let flags = read && write ? constants.O_RDWR : write ? constants.O_WRONLY : constants.O_RDONLY;
    if (asked & 0x08) flags |= constants.O_CREAT;
    if (asked & 0x10) flags |= constants.O_TRUNC;
    if (asked & 0x20) flags |= constants.O_EXCL;
    if (asked & 0x04) flags |= constants.O_APPEND;
    // The path was resolved: a link in its place now was put there to mislead, and a pipe would block a thread.
    flags |= constants.O_NOFOLLOW | constants.O_NONBLOCK;
    this.#ensureRoom();
    const handle = await fs.open(file, flags, (permissions ?? 0o666) & 0o7777);
    return this.#remember({ file: handle, append: (asked & 0x04) !== 0 });
  }

  async #closeHandle(fields: PacketReader): Promise<undefined> {
    const number = fields.bytes().readUInt32BE(0);
    const handle = this.#handles.get(number);
    if (!handle) throw new Error('no such handle');
    this.#handles.delete(number);
    if ('file' in handle) await handle.file.close();
  }

  async #read(id: number, fields: PacketReader): Promise<Buffer> {
    const { file } = this.#file(fields);
    const offset = fields.offset();
    const buffer = Buffer.allocUnsafe(Math.min(fields.number(), limits.read));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    if (bytesRead === 0) return sftp.statusPacket(id, status.endOfFile, 'end of file');
    return sftp.dataPacket(id, buffer.subarray(0, bytesRead));
  }

  async #write(fields: PacketReader): Promise<undefined> {
    const { file, append } = this.#file(fields);
    const offset = fields.offset();
    const data = fields.bytes();
    for (let done = 0; done < data.length; ) {
      const rest = data.length - done;
      done += (await file.write(data, done, rest, append ? null : offset + done)).bytesWritten;
    }
  }

  async #setAttributes(target: string | fs.FileHandle, wished: sftp.Attributes): Promise<undefined> {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const own = typeof target === 'string' ? await fs.open(target, flags) : null;
    const file = own ?? (target as fs.FileHandle);
    try {
      if (wished.owner) await file.chown(wished.owner.uid, wished.owner.gid);
      if (wished.permissions !== undefined) await file.chmod(wished.permissions & 0o7777);
      if (wished.size !== undefined && own) await fs.truncate(target as string, wished.size);
      else if (wished.size !== undefined) await file.truncate(wished.size);
      if (wished.times) await file.utimes(wished.times.accessed, wished.times.modified);
    } finally {
      await own?.close();
    }
  }

  async #openFolder(fields: PacketReader): Promise<number> {
    const folder = await this.#target(fields);
    this.#ensureRoom();
    return this.#remember({ folder, names: ['.', '..', ...(await fs.readdir(folder))] });
  }

  async #readFolder(id: number, fields: PacketReader): Promise<Buffer> {
    const handle = this.#handles.get(fields.bytes().readUInt32BE(0));
    if (!handle || !('folder' in handle)) throw new Error('no such handle');
    const names = handle.names?.splice(0, 100) ?? [];
    const entries: { name: string; stats: Stats }[] = [];
    for (const name of names) {
      const stats = await fs
        .lstat(name === '..' ? handle.folder : path.join(handle.folder, name))
        .catch(() => null);
      if (stats) entries.push({ name, stats });
    }
    if (names.length === 0) return sftp.statusPacket(id, status.endOfFile, 'end of folder');
    return sftp.namePacket(id, entries);
  }

  async #rename(fields: PacketReader, replace: boolean): Promise<undefined> {
    const [from, to] = [await this.#entry(fields), await this.#entry(fields)];
    // Version 3 says that the plain request must not replace a file.
    if (!replace && (await fs.lstat(to).catch(() => null))) throw new Error('the new name is taken');
    await fs.rename(from, to);
  }

  /** The file that a path leads to, all links followed. */
  #target(fields: PacketReader): Promise<string> {
    return confine(this.#home, fields.text(), 'follow');
  }

  /** The directory entry that a path names, which may itself be a link. */
  #entry(fields: PacketReader): Promise<string> {
    return confine(this.#home, fields.text(), 'entry');
  }

  #file(fields: PacketReader): Extract<Handle, { file: fs.FileHandle }> {
    const handle = this.#handles.get(fields.bytes().readUInt32BE(0));
    if (!handle || !('file' in handle)) throw new Error('no such handle');
    return handle;
  }

  #ensureRoom(): void {
    if (this.#handles.size >= limits.handles) throw new Error('too many open handles');
  }

  #remember(handle: Handle): number {
    this.#nextHandle += 1;
    this.#handles.set(this.#nextHandle, handle);
    return this.#nextHandle;
  }
}

function describeError(id: number, error: NodeJS.ErrnoException): Buffer {
  const code = codes[error.code ?? ''] ?? status.failure;
  return sftp.statusPacket(id, code, error.message);
}

const codes: Readonly<Record<string, number>> = {
  ENOENT: status.noSuchFile,
  ENOTDIR: status.noSuchFile,
  EACCES: status.denied,
  EPERM: status.denied,
  ELOOP: status.denied,
};
