import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { IndirectAccess, type RemoteFiles, type Route } from '@wadi/indirect-access';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
import { labRoute } from '../set-up/lab-route.ts';

let lab: Lab;
let access: IndirectAccess;
let route: Route;
let folder: string;
let count = 0;

beforeAll(async () => {
  lab = await labUp({ machines: 1 });
  route = labRoute(lab.inventory, 'machine-1', { door: await lab.door('proxy-1') });
  access = new IndirectAccess({ identity: () => ({ privateKey: lab.privateKey }) });
});
afterAll(async () => {
  await access?.close();
  await lab?.down();
});
beforeEach(async () => {
  count += 1;
  folder = `/tmp/files-${count}`;
  await access.exec(route, ['mkdir', folder]);
});

/** Standard output of a command on the machine. */
const sh = async (command: string, asRoot = false) =>
  (await access.exec(route, command, { asRoot })).stdout.toString();
const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');

describe.each([
  ['the login user', false],
  ['root', true],
])('as %s', (_, asRoot) => {
  let files: RemoteFiles;
  beforeAll(() => {
    files = access.files(route, { asRoot });
  });
  const owner = asRoot ? 'root' : 'wadi';

  test('a file is written, read, appended to, prepended to and edited', async () => {
    const path = `${folder}/file`;
    await files.write(path, 'port=1\nhost=a\n');
    await files.append(path, 'last\n');
    await files.prepend(path, '# first\n');
    expect(await files.replace(path, 'host=a', 'host=$b')).toBe(1);
    expect(await files.replaceLine(path, 'port=', 'port=22')).toBe(1);
    expect(await files.replace(path, /absent/, '')).toBe(0);
    expect((await files.read(path)).toString()).toBe('# first\nport=22\nhost=$b\nlast\n');
    expect(await sh(`stat -c '%a %U' ${path}; ls -A ${folder}`)).toBe(`644 ${owner}\nfile\n`);
  });

  test('owner and mode of a file that exists are kept', async () => {
    const path = `${folder}/kept`;
    const [user, mode] = asRoot ? ['nobody:www-data', '4750'] : ['wadi:wadi', '2751'];
    await sh(`echo old >${path}; sudo -n chown ${user} ${path}; sudo -n chmod ${mode} ${path}`);
    await files.write(path, 'new');
    await files.append(path, '+');
    expect(await sh(`stat -c '%U:%G %a' ${path}; sudo -n cat ${path}`)).toBe(`${user} ${mode}\nnew+`);
    await files.write(path, 'newer', { mode: 0o600 });
    expect(await sh(`stat -c '%U:%G %a' ${path}`)).toBe(`${user} 600\n`);
  });

  test('64 MiB arrive as they were sent, and come back', async () => {
    const data = randomBytes(64 << 20);
    await files.write(`${folder}/large`, Readable.from(slices(data)), { mode: 0o600 });
    expect((await sh(`sha256sum <${folder}/large`, asRoot)).slice(0, 64)).toBe(sha256(data));
    const hash = createHash('sha256');
    for await (const chunk of await files.readStream(`${folder}/large`)) hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(sha256(data));
    await files.write(`${folder}/large`, data);
    expect((await files.read(`${folder}/large`)).equals(data)).toBe(true);
  });

  test('an empty file and every byte value are no exceptions', async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await files.write(`${folder}/all`, all);
    expect((await files.read(`${folder}/all`)).equals(all)).toBe(true);
    await files.write(`${folder}/all`, '');
    expect(await files.read(`${folder}/all`)).toHaveLength(0);
    await files.write(`${folder}/all`, Readable.from([]));
    expect(await sh(`stat -c %s ${folder}/all`)).toBe('0\n');
  });

  test.each([
    ['{}/no/such', 'FILE_NOT_FOUND'],
    ['{}', 'FILE_FAILED'],
    ['{}/file/below', 'FILE_NOT_FOUND'],
    ['/mnt/read-only/x', 'FILE_FAILED'],
    ['/mnt/tiny/x', 'FILE_FAILED'],
  ])('writing to %s fails with %s and leaves nothing', async (place, code) => {
    await files.write(`${folder}/file`, 'x');
    const path = place.replace('{}', folder);
    for (const data of [Buffer.alloc(2 << 20), Readable.from(slices(Buffer.alloc(2 << 20)))]) {
      await expect(files.write(path, data)).rejects.toMatchObject({ code, hop: 'machine-1' });
    }
    expect(await sh(`ls -A ${folder} /mnt/tiny /mnt/read-only`)).toBe(
      `/mnt/read-only:\n\n/mnt/tiny:\n\n${folder}:\nfile\n`,
    );
  });

  test('a full disk leaves the old file as it was', async () => {
    await files.write('/mnt/tiny/old', 'old');
    await expect(files.append('/mnt/tiny/old', Buffer.alloc(2 << 20))).rejects.toMatchObject({
      code: 'FILE_FAILED',
    });
    expect(await sh('ls -A /mnt/tiny; cat /mnt/tiny/old')).toBe('old\nold');
    await sh('rm -f /mnt/tiny/old', true);
  });

  test('reading what is not there or no file fails', async () => {
    for (const [path, code] of [
      [`${folder}/no`, 'FILE_NOT_FOUND'],
      [folder, 'FILE_FAILED'],
    ] as const) {
      await expect(files.read(path)).rejects.toMatchObject({ code });
      await expect(files.readStream(path)).rejects.toMatchObject({ code });
      await expect(files.replace(path, 'a', 'b')).rejects.toMatchObject({ code });
    }
  });
});

test.each(['with space', `'"'`, '$HOME', 'new\nline', '-rf', '*', '\\', 'ünï', 'end\n', '`id`', ';id'])(
  'the name %j is a name like any other',
  async (name) => {
    for (const asRoot of [false, true]) {
      const files = access.files(route, { asRoot });
      await files.write(`${folder}/${name}`, 'one');
      await files.append(`${folder}/${name}`, ' two');
      await files.replace(`${folder}/${name}`, 'one', '1');
      expect((await files.read(`${folder}/${name}`)).toString()).toBe('1 two');
      expect(await sh(`ls -A ${folder} | wc -l`)).toBe(`${name.split('\n').length}\n`);
      await sh(`rm -f ${folder}/*`, true);
    }
  },
);

test('a relative path starts at home, and one that begins with a hyphen is still a path', async () => {
  await access.files(route).write('-n', 'home');
  expect(await sh('cat ~/-n; rm ./-n')).toBe('home');
});

test('an unusable path is refused before anything is sent', async () => {
  for (const path of ['', 'a\0b']) {
    await expect(access.files(route).read(path)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(access.files(route).write(path, '')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
});

test("another user's file is not touched, even where its directory is ours", async () => {
  await sh(`echo old >${folder}/root; sudo -n chown root ${folder}/root; sudo -n chmod 666 ${folder}/root`);
  await sh(
    `echo secret >${folder}/secret; sudo -n chown root ${folder}/secret; sudo -n chmod 600 ${folder}/secret`,
  );
  const files = access.files(route);
  await expect(files.write(`${folder}/root`, 'new')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await expect(files.append(`${folder}/secret`, 'new')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await expect(files.read(`${folder}/secret`)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await expect(files.write('/etc/new', 'x')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  expect(await sh(`ls -A ${folder}; cat ${folder}/root`)).toBe('root\nsecret\nold\n');
  await access.files(route, { asRoot: true }).write(`${folder}/root`, 'new');
  expect(await sh(`stat -c '%U %a' ${folder}/root; cat ${folder}/root`)).toBe('root 666\nnew');
});

test('while data arrives nobody else can read it, and it is in no argument', async () => {
  let go = () => {};
  const waiting = new Promise<void>((resolve) => {
    go = resolve;
  });
  async function* slowly() {
    yield 'planted-secret-data';
    await waiting;
    yield '!';
  }
  const written = access.files(route, { asRoot: true }).write(`${folder}/slow`, Readable.from(slowly()));
  await expect.poll(() => sh(`stat -c '%a %U' ${folder}/.wadi-*`)).toBe('700 root\n');
  await expect.poll(() => sh(`cat ${folder}/.wadi-*/.wadi-*`, true)).toContain('planted-secret-data');
  expect(
    await sh(
      `cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -c '[p]lanted-secret-data'`,
      true,
    ),
  ).toBe('0\n');
  go();
  await written;
  expect((await access.files(route).read(`${folder}/slow`)).toString()).toBe('planted-secret-data!');
});

test('a source that fails, and a caller who gives up, leave the old file and nothing else', async () => {
  const path = `${folder}/file`;
  await access.files(route).write(path, 'old');
  async function* breaks() {
    yield Buffer.alloc(1 << 20);
    throw new Error('the source broke');
  }
  await expect(access.files(route).write(path, Readable.from(breaks()))).rejects.toThrow('the source broke');

  const giveUp = new AbortController();
  async function* stalls() {
    yield Buffer.alloc(1 << 20);
    await new Promise<void>((resolve) => giveUp.signal.addEventListener('abort', () => resolve()));
  }
  const files = access.files(route, { signal: giveUp.signal });
  const written = files.write(path, Readable.from(stalls()));
  setTimeout(() => giveUp.abort(), 300);
  await expect(written).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect.poll(() => sh(`ls -A ${folder}; head -c 99 ${path}`)).toBe('file\nold');
});

test('a connection that breaks in the middle leaves the old file', async () => {
  const path = `${folder}/file`;
  await access.files(route).write(path, 'old');
  const other = new IndirectAccess({ identity: () => ({ privateKey: lab.privateKey }) });
  async function* forever() {
    for (;;) {
      yield Buffer.alloc(1 << 20);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const source = Readable.from(forever());
  const written = other.files(route).write(path, source);
  const failed = expect(written).rejects.toMatchObject({ name: 'AccessError' });
  await expect.poll(() => sh(`ls -A ${folder} | wc -l`)).toBe('2\n');
  await other.forget('machine-1');
  await failed;
  await expect.poll(() => sh(`ls -A ${folder}; cat ${path}`), { timeout: 10_000 }).toBe('file\nold');
  expect(source.destroyed).toBe(true);
  await other.close();
});

test('edits of one file at the same time lose nothing', async () => {
  const path = `${folder}/busy`;
  const files = access.files(route);
  await files.write(path, 'start\n');
  await Promise.all([
    ...Array.from({ length: 5 }, (_, index) => files.append(path, `line ${index}\n`)),
    ...Array.from({ length: 5 }, (_, index) => access.files(route).replace(path, 'start', `start ${index}`)),
  ]);
  const lines = (await files.read(path)).toString().split('\n');
  expect(lines.filter((line) => line.startsWith('line'))).toHaveLength(5);
  expect(lines[0]?.split(' ').slice(1).sort()).toEqual(['0', '1', '2', '3', '4']);
});

test('a reader may stop early, and a file may be too large to be read at once', async () => {
  await sh(`head -c 50000000 /dev/zero >${folder}/zeros`);
  const idle = access.stats().channels;
  const stream = await access.files(route).readStream(`${folder}/zeros`);
  for await (const _ of stream) break;
  await expect(access.files(route).read(`${folder}/zeros`, { maxBytes: 1000 })).rejects.toMatchObject({
    code: 'FILE_FAILED',
  });
  await expect.poll(() => access.stats().channels, { timeout: 10_000 }).toBe(idle);
  await expect
    .poll(() => sh('ps -u wadi -o args= | grep zeros'), { timeout: 10_000 })
    .not.toContain('wadi-file');
});

test('root is refused where sudo asks for a password', async () => {
  const strict = await labUp({ machines: 1, noSudo: true });
  const other = new IndirectAccess({ identity: () => ({ privateKey: strict.privateKey }) });
  try {
    const inner = labRoute(strict.inventory, 'machine-1', { door: await strict.door('proxy-1') });
    const files = other.files(inner, { asRoot: true });
    await expect(files.read('/etc/shadow')).rejects.toMatchObject({ code: 'SUDO_REFUSED' });
    await expect(files.write('/etc/x', 'x')).rejects.toMatchObject({ code: 'SUDO_REFUSED' });
  } finally {
    await other.close();
    await strict.down();
  }
});

function* slices(data: Buffer) {
  for (let offset = 0; offset < data.length; offset += 1 << 18)
    yield data.subarray(offset, offset + (1 << 18));
}
