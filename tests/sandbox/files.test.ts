import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SFTPWrapper } from 'ssh2';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestMachine, TestSandbox } from './open-sandbox.ts';

const isRoot = process.getuid?.() === 0;

describe('files on sandbox machines', () => {
  let sandbox: TestSandbox;
  let proxy: TestMachine;
  let worker: TestMachine;
  const client = new ssh2.Client();
  let sftp: SFTPWrapper;

  beforeAll(async () => {
    sandbox = await TestSandbox.open();
    proxy = await sandbox.machine('files-proxy-0', true);
    worker = await sandbox.machine('files-worker-0');
    await sandbox.configure([proxy, worker]);
    // The server does not wait for our goodbye.
    client.on('error', () => undefined);
    client.connect({
      host: '127.0.0.1',
      port: proxy.facts.managementPort as number,
      username: 'wadi',
      privateKey: sandbox.proxyKey.private,
      hostVerifier: (key: Buffer) => key.toString('base64') === proxy.facts.hostKeys[0]?.split(' ')[1],
    });
    await once(client, 'ready');
    sftp = await new Promise((resolve, reject) => {
      client.sftp((error, session) => (error ? reject(error) : resolve(session)));
    });
  });

  afterAll(async () => {
    client.end();
    await sandbox.close();
  });

  const run = (command: string) => sandbox.run('ssh', [proxy.name, command]);
  /** Calls one operation of the SFTP client; rejects with its error, whose code is SFTP's status. */
  const call = <T = void>(name: string, ...args: unknown[]) =>
    new Promise<T>((resolve, reject) => {
      const method = (sftp as unknown as Record<string, (...all: unknown[]) => void>)[name];
      method?.call(sftp, ...args, (error: Error | undefined, value: T) =>
        error ? reject(error) : resolve(value),
      );
    });

  it('travel by scp through the proxy and back, unchanged', async () => {
    const data = randomBytes(16 * 1024 * 1024);
    const [there, back] = [path.join(sandbox.directory, 'there'), path.join(sandbox.directory, 'back')];
    await writeFile(there, data);
    expect(await sandbox.run('scp', [there, `${worker.name}:copy`])).toMatchObject({ status: 0 });
    expect(await sandbox.run('scp', [`${worker.name}:copy`, back])).toMatchObject({ status: 0 });
    const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(sum(await readFile(back))).toBe(sum(data));
    expect((await sandbox.run('ssh', [worker.name, 'wc -c <copy'])).stdout.trim()).toBe(String(data.length));
  });

  it('are listed, renamed, made and removed by the sftp program', async () => {
    const source = path.join(sandbox.directory, 'small');
    await writeFile(source, 'small\n');
    const batch = [
      'pwd',
      'mkdir folder',
      `put ${source} folder/a`,
      'rename folder/a folder/b',
      'chmod 600 folder/b',
      'ls -l folder',
      `get folder/b ${source}.back`,
      'ln -s folder/b link',
      'rm link',
      'rm folder/b',
      'rmdir folder',
      'ls',
    ].join('\n');
    const result = await sandbox.run('sftp', ['-b', '-', worker.name], `${batch}\n`);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toMatch(/-rw------- .* b$/m);
    expect(await readFile(`${source}.back`, 'utf8')).toBe('small\n');
  });

  it('can be replaced atomically and made durable, as the announced extensions say', async () => {
    await run('echo old >target; chmod 640 target');
    const handle = await call<Buffer>('open', 'draft', 'wx', 0o600);
    await call('write', handle, Buffer.from('new\n'), 0, 4, 0);
    await call('ext_openssh_fsync', handle);
    await call('close', handle);
    await expect(call('rename', 'draft', 'target')).rejects.toMatchObject({ code: 4 });
    await call('ext_openssh_rename', 'draft', 'target');
    expect((await run('cat target; ls')).stdout).toBe('new\ntarget\n');
    await call('unlink', 'target');
  });

  it('tell what is wrong by the right status', async () => {
    await expect(call('open', 'nothing', 'r')).rejects.toMatchObject({ code: 2 });
    await run('echo x >closed; chmod 0 closed; mkdir full; echo x >full/x');
    await expect(call('rmdir', 'full')).rejects.toMatchObject({ code: 4 });
    await expect(call('open', 'full', 'w')).rejects.toMatchObject({ code: 4 });
    if (isRoot) await expect(call('open', 'closed', 'r')).rejects.toMatchObject({ code: 3 });
    await run('rm -rf closed full');
  });

  it('have a machine to themselves: no path leads out of its home directory', async () => {
    const outside = path.join(sandbox.directory, 'outside');
    await mkdir(outside, { mode: 0o777 });
    await writeFile(path.join(outside, 'file'), 'outside');
    await run(
      `ln -s ${outside} folder-link; ln -s ${outside}/file link; ln -s ${outside}/new dangling; mkdir in; ln -s ../.. in/up`,
    );
    const paths = [
      '../../x',
      '/etc/passwd',
      'link',
      'folder-link/file',
      'in/up/x',
      'in/../../home/../x',
      'dangling',
    ];
    for (const file of paths) {
      await expect(call('open', file, 'r'), `reading ${file}`).rejects.toMatchObject({ code: 3 });
      await expect(call('open', file, 'w'), `writing ${file}`).rejects.toMatchObject({ code: 3 });
      await expect(call('stat', file), `looking at ${file}`).rejects.toMatchObject({ code: 3 });
      await expect(call('chmod', file, 0o777), `changing ${file}`).rejects.toMatchObject({ code: 3 });
    }
    for (const folder of ['..', '/', 'folder-link', 'in/up', '/tmp'])
      await expect(call('readdir', folder), `listing ${folder}`).rejects.toMatchObject({ code: 3 });
    await expect(call('rename', 'in', '../in')).rejects.toMatchObject({ code: 3 });
    await expect(call('unlink', 'folder-link/file')).rejects.toMatchObject({ code: 3 });
    await expect(call('mkdir', 'folder-link/new')).rejects.toMatchObject({ code: 3 });
    expect(await readFile(path.join(outside, 'file'), 'utf8')).toBe('outside');
    await call('unlink', 'link');
    expect((await stat(path.join(outside, 'file'))).size).toBe(7);
  });

  it.runIf(isRoot)(
    'are opened with no more rights than the commands have, even when the controller is root',
    async () => {
      // In the home directory, so that nothing but the rights of the reader can refuse.
      const home = (await run('pwd')).stdout.trim();
      await writeFile(path.join(home, 'of-root'), 'hidden', { mode: 0o600 });
      await expect(call('open', 'of-root', 'r')).rejects.toMatchObject({ code: 3 });
      await expect(call('open', 'of-root', 'r+')).rejects.toMatchObject({ code: 3 });
      await rm(path.join(home, 'of-root'));
    },
  );

  it('are served although pipes among them have no reader and no writer', async () => {
    await run('for i in 1 2 3 4 5 6; do mkfifo pipe-$i; done');
    const names = [1, 2, 3, 4, 5, 6].map((i) => `pipe-${i}`);
    for (const name of names) await call('chmod', name, 0o600);
    for (const name of names) await call('close', await call<Buffer>('open', name, 'r'));
    await run('rm pipe-*');
  });

  it('are gone when the machine is deleted, and what its links pointed to is not', async () => {
    const outside = path.join(sandbox.directory, 'kept');
    await mkdir(outside, { mode: 0o777 });
    await writeFile(path.join(outside, 'file'), 'kept', { mode: 0o666 });
    const victim = await sandbox.machine('files-proxy-1', true);
    await sandbox.configure([victim]);
    const { stdout } = await sandbox.run('ssh', [
      victim.name,
      `pwd; mkdir -p a/b closed/in; ln -s ${outside} a/b/link; ln -s ${outside} closed/in/link; chmod 0 closed/in closed`,
    ]);
    await sandbox.cloud.deleteInstance({ instanceId: victim.id });
    await expect(stat(path.dirname(stdout.trim()))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readFile(path.join(outside, 'file'), 'utf8')).toBe('kept');
    await sandbox.configure([proxy, worker]);
  });

  it('do not hang when something else than SFTP is spoken', async () => {
    const result = await sandbox.run('ssh', ['-s', proxy.name, 'sftp'], 'GET / HTTP/1.0\r\n\r\n');
    expect(result.stdout).toBe('');
  });
});
