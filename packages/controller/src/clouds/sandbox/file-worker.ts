// A program of its own: the SFTP side of all machines of a sandbox, run as the machines' user. See file-service.ts.
import { chmod, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { FromFileWorker, ToFileWorker } from './file-messages.ts';
import { SftpServer } from './sftp-server.ts';

interface Session {
  readonly server: SftpServer;
  taken: (() => void) | undefined;
}

const sessions = new Map<number, Session>();

function send(message: FromFileWorker): void {
  process.send?.(message);
}

function open(session: number, home: string): void {
  const answer = (data: Uint8Array) =>
    new Promise<void>((resolve) => {
      const entry = sessions.get(session);
      if (!entry) return resolve();
      entry.taken = resolve;
      send({ kind: 'data', session, data });
    });
  sessions.set(session, { server: new SftpServer(home, answer), taken: undefined });
}

async function take(session: number, data: Uint8Array): Promise<void> {
  try {
    await sessions.get(session)?.server.receive(Buffer.from(data));
    send({ kind: 'taken', session });
  } catch {
    // Not SFTP, or not the part of it that there is: the session is over.
    close(session);
    send({ kind: 'close', session });
  }
}

function close(session: number): void {
  const entry = sessions.get(session);
  sessions.delete(session);
  entry?.taken?.();
  void entry?.server.close();
}

/** What a machine has closed to itself, with read-only folders of a cache for instance, goes too. */
async function openFolders(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await openFolders(path.join(folder, entry.name));
}

/** By this user's own hand: a link that a machine planted leads a removal by root anywhere. */
async function empty(request: number, folder: string): Promise<void> {
  let error: string | null = null;
  try {
    await openFolders(folder);
    for (const name of await readdir(folder))
      await rm(path.join(folder, name), { recursive: true, force: true });
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code !== 'ENOENT') error = (reason as Error).message;
  }
  send({ kind: 'emptied', request, error });
}

process.on('disconnect', () => process.exit());
process.on('message', (message: ToFileWorker) => {
  if (message.kind === 'open') open(message.session, message.home);
  else if (message.kind === 'data') void take(message.session, message.data);
  else if (message.kind === 'close') close(message.session);
  else if (message.kind === 'empty') void empty(message.request, message.folder);
  else {
    const entry = sessions.get(message.session);
    const taken = entry?.taken;
    if (entry) entry.taken = undefined;
    taken?.();
  }
});

// Started with the controller's rights, since nobody else may be able to read this very file; now they go.
const [uid, gid] = process.argv.slice(2).map(Number);
if (uid !== undefined && gid !== undefined) {
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}
process.umask(0o022);
send({ kind: 'ready' });
