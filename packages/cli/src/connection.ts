import { readFileSync } from 'node:fs';
import path from 'node:path';
import { WadiClient } from '@wadi/client';
import { CommandError, usageError } from './command-error.ts';
import { ExitCode } from './exit-code.ts';

export interface ConnectionOptions {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly data?: string | undefined;
  readonly allowPlainHttp?: boolean | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The controller to talk to: options go before the environment, that before the data directory's files. */
export function connect(options: ConnectionOptions, env: Environment = process.env): WadiClient {
  const data = path.resolve(options.data ?? env.WADI_DATA ?? '.wadi');
  const endpoint = readIfThere(path.join(data, 'endpoint'));
  const text = options.url ?? env.WADI_URL ?? endpoint ?? 'http://127.0.0.1:8386';
  const url = parseUrl(text);
  refusePlainHttp(url, options.allowPlainHttp ?? false);
  const token = options.token ?? env.WADI_TOKEN ?? tokenOfDirectory(data, url, endpoint);
  return new WadiClient({ url: text, token });
}

function tokenOfDirectory(data: string, url: URL, endpoint: string | undefined): string {
  // The file's token is for the controller that wrote it, not for whoever is named on the command line.
  if (!isLoopback(url) && url.origin !== originOf(endpoint)) {
    throw usageError(`no token for ${url.origin}`, 'Set WADI_TOKEN.');
  }
  const token = readIfThere(path.join(data, 'token'));
  if (token !== undefined) return token;
  throw new CommandError(
    `no token: ${path.join(data, 'token')} is not there`,
    ExitCode.controller,
    'Run this where the controller was started (`npm start`, `wadi serve`), or name its data directory: --data DIR or WADI_DATA; elsewhere set WADI_URL and WADI_TOKEN.',
  );
}

function refusePlainHttp(url: URL, allowed: boolean): void {
  if (allowed || url.protocol === 'https:' || isLoopback(url)) return;
  throw usageError(
    `${url.origin} would carry the token in clear text`,
    'Use https, or --allow-plain-http where the network in between is your own.',
  );
}

function isLoopback(url: URL): boolean {
  return (
    url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname)
  );
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw usageError(`"${text}" is not an address of a controller`, 'It looks like http://127.0.0.1:8386.');
}

function originOf(text: string | undefined): string | undefined {
  return text !== undefined && URL.canParse(text) ? new URL(text).origin : undefined;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw usageError(`cannot read ${file}: ${code}`);
  }
}
