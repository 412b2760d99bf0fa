import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import type { Machine } from './route.ts';

/** A real sshd on loopback, for tests. */
export interface TestSshd {
  readonly port: number;
  readonly pid: number;
  readonly hostKey: string;
  machine(overrides?: Partial<Machine>): Machine;
  /** What it wrote to its log so far. */
  log(): string;
  stop(): Promise<void>;
}

/** One key pair that all test servers accept. */
export interface TestKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

export function makeKey(type: 'ed25519' | 'rsa' | 'ecdsa' = 'ed25519'): TestKey {
  const directory = mkdtempSync(path.join(tmpdir(), 'wadi-key-'));
  const file = path.join(directory, 'key');
  try {
    run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', file]);
    return {
      privateKey: readFileSync(file, 'utf8'),
      publicKey: readFileSync(`${file}.pub`, 'utf8').trim(),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export async function startSshd(
  name: string,
  key: TestKey,
  config: readonly string[] = [],
): Promise<TestSshd> {
  const directory = mkdtempSync(path.join(tmpdir(), 'wadi-sshd-'));
  const port = await freePort();
  const own = makeKey();
  const file = (base: string) => path.join(directory, base);
  writeFileSync(file('host'), own.privateKey, { mode: 0o600 });
  writeFileSync(file('keys'), `${key.publicKey}\n`, { mode: 0o600 });
  // Only the first SetEnv counts. A home of its own, because rc files of whoever runs the tests may be slow or noisy.
  const env = config.filter((line) => line.startsWith('SetEnv ')).map((line) => line.slice(7));
  const lines = [
    ...config.filter((line) => !line.startsWith('SetEnv ')),
    `SetEnv ${[`HOME=${directory}`, ...env].join(' ')}`,
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host')}`,
    `PidFile ${file('pid')}`,
    `AuthorizedKeysFile ${file('keys')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'PrintMotd no',
    'LogLevel VERBOSE',
  ];
  writeFileSync(file('config'), `${lines.join('\n')}\n`);
  spawnSync('mkdir', ['-p', '/run/sshd']);
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  await listening(port, child, () => log);
  return {
    port,
    pid: child.pid ?? 0,
    hostKey: own.publicKey,
    log: () => log,
    machine: (overrides = {}) => ({
      id: name,
      name,
      host: '127.0.0.1',
      port,
      user: userInfo().username,
      credential: 'test',
      hostKey: { kind: 'pinned', keys: [own.publicKey] },
      ...overrides,
    }),
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await ended;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function listening(port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) break;
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false)).once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`sshd did not start:\n${log()}`);
}

function run(program: string, words: readonly string[]): void {
  const { status, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}
