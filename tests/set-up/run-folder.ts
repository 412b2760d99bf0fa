import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where this run keeps what is searched for secrets at its end. */
    runFolder: string;
    /** Socket directory of the run's PostgreSQL. */
    postgresSocket: string;
  }
}

/**
 * What the tests leave for the end of the run: secrets that they planted, and evidence in which none of them may be.
 * Files, because every test file is a process of its own.
 */
export const parts = ['secrets', 'evidence', 'data'] as const;

let count = 0;

/** A new file name in a part of the run's folder. */
export function newFile(part: (typeof parts)[number], label: string): string {
  const name = `${process.pid}-${count++}-${label.replaceAll(/[^A-Za-z0-9.-]+/g, '-').slice(0, 80)}`;
  return path.join(inject('runFolder'), part, name);
}

/**
 * Tells the run of a secret (a private key, a token, a password). At the end it must be found in no database, no log,
 * and in no argument or environment of a process that was started.
 */
export function plantSecret(label: string, value: string | Buffer): void {
  writeFileSync(newFile('secrets', label), value);
}

/** Keeps what a test saw (a log, the output of a command) to be searched at the end. */
export function keepEvidence(label: string, content: string | Buffer): void {
  writeFileSync(newFile('evidence', label), content);
}

/** Remembers a data directory: its logs are searched, and a database server that a test left behind is ended. */
export function registerDataDirectory(directory: string): void {
  appendFileSync(newFile('data', 'directory'), directory);
}

export function makeRunFolder(folder: string): void {
  for (const part of parts) mkdirSync(path.join(folder, part), { recursive: true });
}

export function readPart(folder: string, part: (typeof parts)[number]): { name: string; content: Buffer }[] {
  const directory = path.join(folder, part);
  return readdirSync(directory).map((name) => ({ name, content: readFileSync(path.join(directory, name)) }));
}
