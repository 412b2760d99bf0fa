import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { createDatabase } from './database.ts';
import { describeProcesses, processTree } from './processes.ts';
import { keepEvidence, plantSecret, registerDataDirectory } from './run-folder.ts';

export interface ControllerOptions {
  /** Default: a new one. A controller may be started again on that of a stopped one. */
  readonly data?: string;
  /** `own`: the embedded server, with a database in the data directory. Default `shared`: a database on the run's. */
  readonly database?: 'own' | 'shared' | { readonly url: string };
  /** Further arguments, e.g. `--sandbox`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A program and arguments before `node`, e.g. `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  /** Default 127.0.0.1:0. */
  readonly listen?: string;
}

export interface Requests {
  /** JSON in, JSON out, with a token. */
  request(method: string, path: string, body?: unknown): Promise<Answer>;
}

export interface Controller extends Requests {
  readonly url: string;
  readonly token: string;
  readonly data: string;
  readonly databaseUrl: string | null;
  readonly pid: number;
  readonly process: ChildProcess;
  /** Its exit status. */
  readonly exited: Promise<number | null>;
  /** What it has printed so far, both streams. */
  output(): string;
  /** As Ctrl-C does. Resolves to its exit status. */
  stop(): Promise<number | null>;
  /** kill -9: nothing is cleaned up. */
  kill(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  readonly body: any;
}

const start = fileURLToPath(new URL('../../packages/controller/bin/start.mjs', import.meta.url));
/** Milliseconds; the machine may be busy with everything else. */
const startDeadline = 60_000;
const stopDeadline = 45_000;
const sampleInterval = 500;

/** A data directory that everyone may pass through, as in a clone at an ordinary place. */
export function newDataDirectory(): string {
  const directory = mkdtempSync(path.join(inject('runFolder'), 'controller-'));
  chmodSync(directory, 0o755);
  const data = path.join(directory, 'data');
  mkdirSync(data, { mode: 0o711 });
  return data;
}

/** Starts a controller as a process of its own, as `npm start` does, and waits until it answers. */
export async function startController(options: ControllerOptions = {}): Promise<Controller> {
  const data = options.data ?? newDataDirectory();
  const databaseUrl = await chooseDatabase(options);
  const launched = launchController({ ...options, data }, databaseUrl);
  const endpoint = path.join(data, 'endpoint');
  const deadline = performance.now() + startDeadline;
  while (!launched.output().includes('Wadi is ready')) {
    if (launched.process.exitCode !== null || performance.now() > deadline) {
      await launched.kill();
      throw new Error(`the controller did not start:\n${launched.output()}`);
    }
    await sleep(20);
  }
  const url = readFileSync(endpoint, 'utf8').trim();
  const token = readFileSync(path.join(data, 'token'), 'utf8').trim();
  plantSecret('token', token);
  const masterKeys = path.join(data, 'master.key');
  if (existsSync(masterKeys)) plantMasterKeys(readFileSync(masterKeys, 'utf8'));
  return {
    ...launched,
    url,
    token,
    data,
    databaseUrl,
    request: requests(url, token).request,
  };
}

/** Tells the run of the keys that are in the lines of a key file. */
export function plantMasterKeys(lines: string): void {
  for (const line of lines.trim().split('\n')) plantSecret('master-key', line.split(' ').at(-1) ?? '');
}

/** The API at `url`, as the one to whom the token belongs. */
export function requests(url: string, token: string): Requests {
  return {
    async request(method, target, body) {
      const response = await fetch(`${url}${target}`, {
        method,
        headers: {
          'X-Auth-Token': token,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.startsWith('application/json');
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
    },
  };
}

/** The process alone, for starts that are expected to fail. */
export function launchController(
  options: ControllerOptions & { readonly data: string },
  databaseUrl: string | null = null,
) {
  registerDataDirectory(options.data);
  const node = [process.execPath, start];
  const own = ['--data', options.data, '--listen', options.listen ?? '127.0.0.1:0', ...(options.args ?? [])];
  const [command, ...args] = [...(options.prefix ?? []), ...node, ...own] as [string, ...string[]];
  const { DATABASE_URL: _url, WADI_DATA: _data, ...inherited } = process.env;
  const child = spawn(command, args, {
    env: { ...inherited, ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const pid = child.pid as number;
  const seen = new Map<string, Buffer>();
  const sample = () => {
    if (!existsSync('/proc')) return;
    for (const process of processTree(pid)) {
      const description = describeProcesses([process]);
      seen.set(description.toString('latin1'), description);
    }
  };
  const timer = setInterval(sample, sampleInterval);
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (status) => {
      clearInterval(timer);
      keepEvidence('output', output);
      keepEvidence('processes', Buffer.concat([...seen.values()]));
      resolve(status);
    });
  });
  // A test run that is interrupted must not leave it behind.
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  void exited.then(() => process.off('exit', killAtExit));
  return {
    pid,
    process: child,
    exited,
    output: () => output,
    async stop() {
      sample();
      child.kill('SIGINT');
      const late = sleep(stopDeadline, 'late', { ref: false });
      if ((await Promise.race([exited, late])) !== 'late') return exited;
      child.kill('SIGKILL');
      await exited;
      throw new Error(`the controller did not stop within ${stopDeadline} ms:\n${output}`);
    },
    async kill() {
      sample();
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function chooseDatabase(options: ControllerOptions): Promise<string | null> {
  const wanted = options.database ?? 'shared';
  if (typeof wanted === 'object') return wanted.url;
  return wanted === 'own' ? null : (await createDatabase()).url;
}
