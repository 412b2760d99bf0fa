import { neutralise } from './terminal-text.ts';

/** A result: to standard output. Text from machines cannot command the terminal. */
export function print(text: string): void {
  process.stdout.write(`${process.stdout.isTTY ? neutralise(text) : text}\n`);
}

/** News and complaints: to standard error, so that they never mix with a result. */
export function report(text: string): void {
  process.stderr.write(`${process.stderr.isTTY ? neutralise(text) : text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Columns wide enough for their longest cell. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  for (const row of [head, ...rows]) {
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

/** `name  value` lines; what has no value is left out. */
export function printFields(fields: readonly (readonly [string, unknown])[]): void {
  const shown = fields.filter(([, value]) => value !== null && value !== undefined && value !== '');
  const width = Math.max(...shown.map(([name]) => name.length));
  for (const [name, value] of shown) print(`${name.padEnd(width)}  ${String(value)}`);
}

/** Bytes of a machine: as they are, but harmless where a terminal shows them. Resolves when there is room again. */
export async function writeBytes(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
  const out = process[stream];
  const shown = out.isTTY ? neutralise(Buffer.from(bytes).toString('utf8')) : bytes;
  if (!out.write(shown)) await new Promise((resolve) => out.once('drain', resolve));
}
