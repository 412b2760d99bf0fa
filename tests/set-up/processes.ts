import { readdirSync, readFileSync } from 'node:fs';

/** A process and all below it, itself first. Empty where there is no /proc. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of allProcesses()) {
    const parent = Number(stat(pid)?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

export function isRunning(pid: number): boolean {
  const state = stat(pid)?.[0];
  return state !== undefined && state !== 'Z';
}

/** Arguments and environment of each, as far as they can be read. */
export function describeProcesses(pids: readonly number[]): Buffer {
  return Buffer.concat(
    pids.flatMap((pid) =>
      ['cmdline', 'environ'].map((name) =>
        Buffer.concat([Buffer.from(`\n== ${pid} ${name}\n`), read(pid, name)]),
      ),
    ),
  );
}

/** Processes whose arguments mention this text. */
export function processesNaming(text: string): number[] {
  return allProcesses().filter((pid) => pid !== process.pid && read(pid, 'cmdline').includes(text));
}

function allProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Fields of proc(5) stat from the third on: state, parent, … */
function stat(pid: number): string[] | null {
  const text = read(pid, 'stat').toString('latin1');
  return text ? text.replace(/^.*\) /s, '').split(' ') : null;
}

function read(pid: number, name: string): Buffer {
  try {
    return readFileSync(`/proc/${pid}/${name}`);
  } catch {
    return Buffer.alloc(0);
  }
}
