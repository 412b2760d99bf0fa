import type { Cluster, ProvisionStep } from '@wadi/api';
import { neutralise } from './terminal-text.ts';

/**
 * Shows the work on a cluster while it goes on: on a terminal a block that is redrawn, elsewhere a line for each
 * change. To standard error, so that a result on standard output stays alone.
 */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #begin = performance.now();
  readonly #said = new Map<string, string>();
  readonly #earlier: ReadonlySet<string>;
  #drawn = 0;

  /** @param earlier steps of work that was done before: not shown. */
  constructor(out: NodeJS.WriteStream = process.stderr, earlier: readonly ProvisionStep[] = []) {
    this.#out = out;
    this.#earlier = new Set(earlier.map((step) => step.id));
  }

  show(cluster: Cluster): void {
    const steps = cluster.provision_progress
      .filter((step) => !this.#earlier.has(step.id))
      .sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    if (this.#out.isTTY) this.#redraw(cluster, steps);
    else this.#sayChanges(cluster, steps);
  }

  #redraw(cluster: Cluster, steps: readonly ProvisionStep[]): void {
    const columns = this.#out.columns || 80;
    const rows = this.#out.rows || 24;
    const width = Math.max(0, ...steps.map((step) => step.step_name.length));
    const lines = steps.map((step) => {
      return `  ${mark(step)} ${step.step_name.padEnd(width)}  ${done(step)}/${step.total}${troubleOf(step)}`;
    });
    const head = `${cluster.name}  ${cluster.status}  ${this.#seconds()} s`;
    // A block taller than the screen could not be redrawn: the oldest steps go.
    const block = [head, ...lines.slice(-(rows - 3))].map((line) => neutralise(line).slice(0, columns - 1));
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    this.#out.write(`${up}\r${block.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    this.#drawn = block.length;
  }

  #sayChanges(cluster: Cluster, steps: readonly ProvisionStep[]): void {
    for (const step of steps) {
      const text = `${step.step_name} ${done(step)}/${step.total}${troubleOf(step)}`;
      this.#say(step.id, `${cluster.name}: ${text}`);
    }
    this.#say('status', `${cluster.name}: ${cluster.status} (${this.#seconds()} s)`, cluster.status);
  }

  #say(key: string, line: string, value = line): void {
    if (this.#said.get(key) === value) return;
    this.#said.set(key, value);
    this.#out.write(`${line.replaceAll('\n', ' ')}\n`);
  }

  #seconds(): string {
    return ((performance.now() - this.#begin) / 1000).toFixed(1);
  }
}

function mark({ successful }: ProvisionStep): string {
  return successful === null ? '…' : successful ? '✔' : '✘';
}

/** A step that ended well has no events left. */
export function done({ successful, total, events = [] }: ProvisionStep): number {
  return successful ? total : events.filter((event) => event.successful).length;
}

function troubleOf({ events = [] }: ProvisionStep): string {
  const failed = events.find((event) => !event.successful);
  if (!failed) return '';
  const info = (failed.event_info ?? 'failed').split('\n')[0];
  return `  ${failed.instance_name ?? ''}: ${info}`;
}
