import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Exchange } from './exchange.ts';

const folder = fileURLToPath(new URL('recorded/', import.meta.url));

export function readRecording(scenario: string): readonly Exchange[] {
  return JSON.parse(readFileSync(path.join(folder, `${scenario}.json`), 'utf8')) as Exchange[];
}

/** Names of all scenarios that were recorded. */
export function recordedScenarios(): string[] {
  return readdirSync(folder).map((file) => path.parse(file).name);
}

/** A line for each request and one for its answer, so that a difference shows what changed. */
export function writeRecording(scenario: string, exchanges: readonly Exchange[]): void {
  const lines = exchanges.map(
    ({ request, answer }) => `{"request":${JSON.stringify(request)},\n"answer":${JSON.stringify(answer)}}`,
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${scenario}.json`), `[\n${lines.join(',\n')}\n]\n`);
}
