import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { keepEvidence } from '../set-up/run-folder.ts';

const bin = fileURLToPath(new URL('../../packages/cli/bin/wadi.mjs', import.meta.url));
/** Milliseconds; the machine may be busy with everything else. */
const deadline = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface WadiOptions {
  /** The controller's data directory; absent: none is named. */
  readonly data?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds until it is killed. Default 60,000. */
  readonly deadline?: number;
  /** Called with the process as soon as it runs. */
  readonly onStart?: (child: ChildProcess, output: () => string) => void;
}

/** Runs the command line as a process of its own, to its end. */
export async function runWadi(args: readonly string[], options: WadiOptions = {}): Promise<Ended> {
  const { WADI_DATA: _data, WADI_URL: _url, WADI_TOKEN: _token, ...inherited } = process.env;
  const env = { ...inherited, ...(options.data ? { WADI_DATA: options.data } : {}), ...options.env };
  const child = spawn(process.execPath, [bin, ...args], { env, cwd: options.cwd ?? '/', stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  options.onStart?.(child, () => stdout + stderr);
  const late = setTimeout(() => child.kill('SIGKILL'), options.deadline ?? deadline);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(late);
  keepEvidence('wadi', stdout + stderr);
  return { code, stdout, stderr };
}
