import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, processesWith } from '../test-access.ts';
import { escapeBytes, followRequest, startRequest } from './run-request.ts';
import { runScript } from './run-script.ts';
import { TokenSplit } from './token-split.ts';

const home = mkdtempSync(path.join(tmpdir(), 'wadi-script-'));
const token = 'f00dfeed';
const nap = 7000 + (process.pid % 1000);
const withoutSetsid = runScript.replace('/usr/bin/setsid /bin/setsid', '/nonexistent/setsid');
type Shell = readonly [name: string, argv: readonly string[], script: string];
const shells: readonly Shell[] = [
  ['dash', ['dash'], runScript],
  ["BusyBox's sh", ['busybox', 'sh'], runScript],
  ['bash', ['bash', '--posix'], runScript],
  ['dash without setsid', ['dash'], withoutSetsid],
  ['bash without setsid', ['bash', '--posix'], withoutSetsid],
];
const there = shells.filter(
  ([, [program = '', ...words]]) => spawnSync(program, [...words, '-c', ':']).status === 0,
);
const children: ChildProcess[] = [];

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

/** Speaks with the script as sshd does; told to look every 20 ms once something was asked of it. */
function attach([, [program = '', ...words], script]: Shell, id: string, how = 'new', at = home) {
  const argv = [...words, '-c', 'eval "$1"', 'sh', script, 'MARK', id, how, 'user'];
  const child = spawn(program, argv, { env: { ...process.env, HOME: at }, detached: true });
  children.push(child);
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('latin1').on('data', (text) => {
    said.stdout += text;
  });
  child.stderr.setEncoding('latin1').on('data', (text) => {
    said.stderr += text;
  });
  child.stdin.on('error', () => {});
  let asked = false;
  const looking = setInterval(() => asked && child.stdin.writable && child.stdin.write('\n'), 20);
  child.once('close', () => clearInterval(looking));
  return {
    said,
    write(text: string) {
      child.stdin.write(text);
      asked = true;
    },
    hangUp: () => {
      clearInterval(looking);
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
    },
    /** What it says of itself first, both outputs, and how it ended. */
    async ended() {
      expect(await eventually(() => said.stdout.includes(`${token} `), 60_000), JSON.stringify(said)).toBe(
        true,
      );
      expect(await eventually(() => said.stderr.includes(token), 60_000)).toBe(true);
      const [state, ...lines] = said.stdout.split('\n');
      const [output = '', end = ''] = lines.join('\n').split(token);
      const stderr = said.stderr.slice(said.stderr.indexOf('\n') + 1).split(token)[0];
      return { state: state?.split(' ')[1], stdout: output, stderr, end: end.split('\n')[0]?.trim() };
    },
  };
}

const plain = { maxOutputBytes: 1 << 20 };

describe.each(there)('the supervisor in %s', (...shell) => {
  it('runs a command with its input and variables, and tells its outputs and its end', async () => {
    const bytes = randomBytes(3000);
    const id = randomUUID();
    const run = attach(shell, id);
    const command = 'cat; echo "$A" >&2; exit 3';
    run.write(startRequest(token, { ...plain, command, stdin: bytes, env: { A: "it's\n$x" } }));
    const { state, stdout, stderr, end } = await run.ended();
    expect(Buffer.from(stdout, 'latin1').equals(bytes)).toBe(true);
    expect([state, stderr, end]).toEqual(['fresh', "it's\n$x\n", 'end exited 3 0 0']);
    run.write('release\n');
    expect(await eventually(() => !existsSync(path.join(home, '.wadi/runs', id)))).toBe(true);
  });

  it('begins nothing when only a part of the request arrives, at whatever byte that ends', async () => {
    const secret = randomBytes(16).toString('hex');
    const request = startRequest(token, {
      ...plain,
      command: 'echo ran',
      env: { S: secret },
      stdin: Buffer.from(secret),
    });
    for (const length of [3, 40, request.length - 40, request.length - 2]) {
      const id = randomUUID();
      const first = attach(shell, id);
      expect(await eventually(() => first.said.stdout.includes('\n'), 30_000)).toBe(true);
      // Without a look in between, which would be taken for more of it.
      first.hangUp();
      const cut = attachCut(shell, id, request.slice(0, length));
      await cut;
      const again = attach(shell, id, 'again');
      again.write(request);
      expect(await again.ended()).toMatchObject({ state: 'fresh', stdout: 'ran\n', end: 'end exited 0 0 0' });
    }
  });

  it('leaves no secret in any file while the command runs', async () => {
    const secret = randomBytes(16).toString('hex');
    const id = randomUUID();
    const run = attach(shell, id);
    const command = `read -r x; echo begun; sleep ${nap}.1`;
    run.write(
      startRequest(token, { ...plain, command, env: { S: secret }, stdin: Buffer.from(`x\n${secret}`) }),
    );
    expect(await eventually(() => run.said.stdout.includes('begun'), 30_000)).toBe(true);
    const directory = path.join(home, '.wadi/runs', id);
    for (const name of readdirSync(directory))
      expect(readFileSync(path.join(directory, name), 'latin1')).not.toContain(secret);
    expect(spawnSync('ps', ['-eo', 'args='], { encoding: 'utf8' }).stdout).not.toContain(secret);
    run.write('cancel\n');
    expect((await run.ended()).end).toBe('end cancelled - 0 0');
    expect(await eventually(() => processesWith(`sleep ${nap}.1`).length === 0)).toBe(true);
  });

  it('shows what is printed after the clock of the machine was set back', async () => {
    const id = randomUUID();
    const run = attach(shell, id);
    const go = path.join(home, `go-${id}`);
    const command = `echo before; until [ -e ${go} ]; do sleep 0.05 || sleep 1; done; echo after; sleep ${nap}.3`;
    run.write(startRequest(token, { ...plain, command }));
    expect(await eventually(() => run.said.stdout.includes('before'), 30_000)).toBe(true);
    const later = new Date(Date.now() + 3_600_000);
    const directory = path.join(home, '.wadi/runs', id);
    for (const name of readdirSync(directory))
      if (name.startsWith('seen.')) utimesSync(path.join(directory, name), later, later);
    writeFileSync(go, '');
    expect(await eventually(() => run.said.stdout.includes('after'), 10_000)).toBe(true);
    run.write('cancel\n');
    expect((await run.ended()).end).toBe('end cancelled - 0 0');
  });

  it('goes on when the channel is gone, ends it in time, and tells whoever comes', async () => {
    const id = randomUUID();
    const run = attach(shell, id);
    run.write(
      startRequest(token, { ...plain, command: `echo begun; sleep ${nap}.2 & sleep ${nap}.2`, timeout: 1.5 }),
    );
    expect(await eventually(() => run.said.stdout.includes('begun'), 30_000)).toBe(true);
    run.hangUp();
    const again = attach(shell, id, 'again');
    again.write(followRequest(token, { stdout: 2, stderr: 0 }));
    expect(await again.ended()).toMatchObject({ state: 'begun', stdout: 'gun\n', end: 'end timeout - 0 0' });
    expect(await eventually(() => processesWith(`sleep ${nap}.2`).length === 0)).toBe(true);
    again.write('release\n');
    expect(await eventually(() => !existsSync(path.join(home, '.wadi/runs', id)))).toBe(true);
    const late = attach(shell, id, 'again');
    expect(await eventually(() => late.said.stdout.includes('\n'), 30_000)).toBe(true);
    expect(late.said.stdout).toContain('MARK missing ');
    late.hangUp();
  });
});

describe.runIf(process.getuid?.() === 0)('a disk of the machine that is full', () => {
  const disk = mkdtempSync(path.join(tmpdir(), 'wadi-full-'));
  beforeEach(() => {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k,nr_inodes=64', 'none', disk]);
    expect(mounted.status).toBe(0);
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    expect(spawnSync('umount', ['-l', disk]).status).toBe(0);
  });
  afterAll(() => rmSync(disk, { recursive: true, force: true }));

  it.each(there)('loses no end and no count of what it had no room for, in %s', async (...shell) => {
    const run = attach(shell, randomUUID(), 'new', disk);
    run.write(startRequest(token, { ...plain, command: 'head -c 2000000 /dev/zero | tr "\\0" x; exit 5' }));
    const { stdout, end } = await run.ended();
    expect(end).toMatch(/^end exited 5 \d+ 0$/);
    const dropped = Number(end?.split(' ')[3]);
    expect(dropped).toBeGreaterThan(0);
    expect(stdout.length).toBeGreaterThan(0);
    expect(stdout.length + dropped).toBeLessThanOrEqual(2_000_000);
  });

  it.each(there)('keeps the end of a command that took every inode, in %s', async (...shell) => {
    const run = attach(shell, randomUUID(), 'new', disk);
    const command = `cd ${disk}; n=0; while : >file.$n; do n=$((n+1)); done; exit 7`;
    run.write(startRequest(token, { ...plain, command }));
    expect((await run.ended()).end).toMatch(/^end exited [27] 0 0$/);
  });

  it.each(there)('refuses what it has no room for, and it can never begin, in %s', async (...shell) => {
    const id = randomUUID();
    const request = startRequest(token, { ...plain, command: 'echo ran' });
    const [early, run] = [attach(shell, id, 'new', disk), attach(shell, id, 'new', disk)];
    for (const each of [early, run])
      expect(await eventually(() => each.said.stdout.includes('fresh'), 30_000)).toBe(true);
    const names = Array.from({ length: 64 }, (_, index) => path.join(disk, `file-${index}`));
    const taken = names.filter((name) => !spawnSync('touch', [name]).status);
    run.write(request);
    expect((await run.ended()).end).toBe('refused');
    for (const name of taken) rmSync(name);
    early.write(request);
    expect(await early.ended()).toMatchObject({ stdout: '', end: 'refused' });
  });
});

it.each(there)(
  'a run that was released cannot be begun by an attempt that came late, in %s',
  async (...shell) => {
    const id = randomUUID();
    const request = startRequest(token, { ...plain, command: 'echo ran' });
    const late = attach(shell, id);
    expect(await eventually(() => late.said.stdout.includes('fresh'), 30_000)).toBe(true);
    const run = attach(shell, id);
    run.write(request);
    expect(await run.ended()).toMatchObject({ stdout: 'ran\n' });
    run.write('release\n');
    expect(await eventually(() => !existsSync(path.join(home, '.wadi/runs', id)))).toBe(true);
    late.write(request);
    expect(await late.ended()).toMatchObject({ stdout: '', end: 'refused' });
  },
);

/** A channel that ends in the middle of what it was to say. */
async function attachCut(shell: Shell, id: string, part: string): Promise<void> {
  const [, [program = '', ...words], script] = shell;
  const argv = [...words, '-c', 'eval "$1"', 'sh', script, 'MARK', id, 'again', 'user'];
  const child = spawn(program, argv, {
    env: { ...process.env, HOME: home },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.end(part);
  await new Promise((resolve) => child.once('close', resolve));
}

describe('what is sent to it', () => {
  it('is in one line of printable ASCII that means the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = escapeBytes(Buffer.from(bytes));
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        const back = text.replaceAll(/\\(\\|0([0-7]{3}))/g, (_, what: string, octal?: string) =>
          octal === undefined ? what : String.fromCharCode(Number.parseInt(octal, 8)),
        );
        expect(Buffer.from(back, 'latin1').equals(Buffer.from(bytes))).toBe(true);
      }),
    );
  });
});

describe('what comes from it', () => {
  it('ends at the token, however it is cut into pieces', () => {
    const piece = fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('f00d', 'f00dfee', 'f', 'f00df00d'));
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.array(fc.nat(9), { maxLength: 20 }),
        (pieces, cuts) => {
          const output = Buffer.from(pieces.join('').replaceAll(token, ''));
          fc.pre(!Buffer.concat([output, Buffer.from(token.slice(0, -1))]).includes(token));
          const whole = Buffer.concat([output, Buffer.from(`${token} end exited 0 0 0\nnoise`)]);
          const split = new TokenSplit(token);
          const bytes: Buffer[] = [];
          let line: string | undefined;
          for (let at = 0, n = 0; at < whole.length && line === undefined; n += 1) {
            const length = 1 + (cuts[n % Math.max(1, cuts.length)] ?? 3);
            const pushed = split.push(whole.subarray(at, at + length));
            bytes.push(Buffer.from(pushed.bytes));
            line = pushed.line;
            at += length;
          }
          expect([Buffer.concat(bytes).equals(output), line]).toEqual([true, 'end exited 0 0 0']);
        },
      ),
    );
  });
});
