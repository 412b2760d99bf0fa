import type { PrintedLines } from './line-check.ts';

export interface Script {
  readonly argv: readonly string[];
  readonly lines: PrintedLines;
}

/** $1 folder below the home directory, $2 the command's id, $3 lines to print. */
const begin = 'cd "$HOME/$1" && printf "%s\\n" "$2" >> lines || exit 1';

/** $4 seconds from line to line. The time is read without a process: many of these run at once. */
const ticks = `${begin}
i=0
while [ "$i" -lt "$3" ]; do
  { read -r up rest < /proc/uptime; } 2> /dev/null || up=
  printf '%09d %21s\\n' "$i" "$up"
  i=$((i + 1))
  [ "$i" -eq "$3" ] || sleep "$4"
done`;

const bulk = `${begin}
exec awk -v n="$3" 'BEGIN { for (i = 0; i < n; i++) printf "%09d %053d\\n", i, i }'`;

const tickWidth = 32;
const bulkWidth = 64;
/** 10 MB of them. */
const bulkLines = 10_000_000 / bulkWidth;

/** Notes its id, then says the time so often. */
export function tickingScript(folder: string, id: string, count: number, interval: number): Script {
  return {
    argv: shell(ticks, folder, id, String(count), String(interval)),
    lines: { count, width: tickWidth },
  };
}

/** Notes its id, then prints 10 MB as fast as it can. */
export function bulkScript(folder: string, id: string): Script {
  return {
    argv: shell(bulk, folder, id, String(bulkLines)),
    lines: { count: bulkLines, width: bulkWidth, rest: (number) => String(number).padStart(53, '0') },
  };
}

/** The machine's uptime that a tick carries. */
export function uptimeOf(line: string): number | undefined {
  const text = line.slice(10).trim();
  return text === '' ? undefined : Number(text);
}

export function makeFolder(folder: string): readonly string[] {
  return shell('mkdir -p -m 700 "$HOME/$1"', folder);
}

export function removeFolder(folder: string): readonly string[] {
  return shell('rm -rf "$HOME/$1"', folder);
}

/** The ids that were noted, one per line. */
export function readNotes(folder: string): readonly string[] {
  return shell('[ ! -e "$HOME/$1/lines" ] || cat "$HOME/$1/lines"', folder);
}

/** Bytes and digest of a file, on two lines; the machine may know either name of the digest's program. */
export function weighFile(file: string): readonly string[] {
  return shell(
    'cd "$HOME" && [ -e "$1" ] || { echo 0; exit; }; wc -c < "$1"; { sha256sum 2> /dev/null || shasum -a 256; } < "$1"',
    file,
  );
}

function shell(script: string, ...values: string[]): readonly string[] {
  return ['sh', '-c', script, 'wadi-drill', ...values];
}
