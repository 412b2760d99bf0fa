import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parse } from 'yaml';
import { usageError } from './command-error.ts';

/** Reads a YAML or JSON file (JSON is YAML) whose top is an object; `-` is standard input. */
export async function readDescription(file: string): Promise<Record<string, unknown>> {
  const content = await read(file);
  let value: unknown;
  try {
    // Neither merges nor thousands of aliases: it is a description, not a program.
    value = parse(content, { maxAliasCount: 100 });
  } catch (error) {
    throw usageError(`${file}: ${(error as Error).message.split('\n')[0]}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw usageError(`${file} does not hold names and values`);
}

async function read(file: string): Promise<string> {
  if (file === '-') return await text(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
