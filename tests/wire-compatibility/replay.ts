import { isDeepStrictEqual } from 'node:util';
import { isUuid } from '@wadi/api';
import { comparable, corrected, correctedNames, namesInOrder } from './compare-answers.ts';
import type { Difference } from './compatibility-list.ts';
import type { Recorded } from './recording.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export type Send = (
  method: string,
  path: string,
  body: string | undefined,
  headers: Record<string, string>,
) => Promise<Answer>;

export interface Result {
  readonly outcome: 'passed' | 'failed' | 'different' | 'not recorded';
  readonly expected?: unknown;
  readonly received?: unknown;
}

/** Plays a recording of a real Sahara, request by request, and compares the answers that it has. */
export class Replay {
  readonly #send: Send;
  readonly #differences: ReadonlyMap<string, Difference>;
  /** Ours to the recorded one. */
  readonly #ids = new Map<string, string>();

  constructor(send: Send, differences: ReadonlyMap<string, Difference>) {
    this.#send = send;
    this.#differences = differences;
  }

  async play(recorded: Recorded): Promise<Result> {
    const { method, path, headers, body } = recorded.request;
    const text = body === null || typeof body === 'string' ? body : JSON.stringify(body);
    const scales = method === 'PUT' && path.includes('/clusters/');
    const sent = text === null ? undefined : this.#toOurs(scales ? correctedNames(text) : text);
    const answer = await this.#send(method, this.#toOurs(path), sent, { ...headers });
    this.#noteIds(recorded, answer.body);
    const { name, response } = recorded;
    if (!response) return { outcome: 'not recorded' };

    const shown = (status: number, content: unknown, pattern = response.body) => ({
      status,
      body: comparable(content, pattern, this.#ids),
      order: path.includes('sort_by=') ? namesInOrder(content) : null,
    });
    const received = shown(answer.status, answer.body);
    const difference = this.#differences.get(name);
    const expected = shown(response.status, response.body);
    const problem = headerProblem(response.headers ?? {}, answer.headers);
    if (problem) return { outcome: 'failed', expected: problem, received: [...answer.headers] };
    if (isDeepStrictEqual(received, expected)) return { outcome: 'passed' };
    if (difference === 'otherwise' && answer.status < 500) return { outcome: 'different' };
    if (difference !== 'corrected') return { outcome: 'failed', expected, received };
    const pattern = corrected(name, response.body);
    const right = shown(response.status, pattern, pattern);
    const ours = shown(answer.status, answer.body, pattern);
    if (isDeepStrictEqual(ours, right)) return { outcome: 'different' };
    return { outcome: 'failed', expected: right, received: ours };
  }

  #toOurs(text: string): string {
    let out = text;
    for (const [ours, theirs] of this.#ids) out = out.replaceAll(theirs, ours);
    return out;
  }

  #noteIds({ creates, response }: Recorded, body: unknown): void {
    const made = entries(body);
    for (const [index, theirs] of (creates ?? []).entries()) {
      const ours = made[index]?.id;
      if (ours !== undefined) this.#ids.set(ours, theirs);
    }
    // Of some the recording tells the ids only in lists.
    for (const one of entries(response?.body)) {
      const ours = made.find((other) => other.name !== undefined && other.name === one.name)?.id;
      if (ours !== undefined && isUuid(one.id ?? '')) this.#ids.set(ours, one.id ?? '');
    }
  }
}

interface Entry {
  readonly id?: string;
  readonly name?: string;
}

function entries(body: unknown): Entry[] {
  const values = Object.values(body ?? {}).flat() as (({ cluster?: Entry } & Entry) | string | null)[];
  return values.flatMap((value): Entry[] => {
    if (typeof value === 'string') return isUuid(value) ? [{ id: value }] : [];
    return value === null ? [] : [value.cluster ?? value];
  });
}

function headerProblem(recorded: Readonly<Record<string, string>>, ours: Headers): string | null {
  if (!/^req-[0-9a-f-]{36}$/.test(ours.get('X-Openstack-Request-Id') ?? '')) return 'X-Openstack-Request-Id';
  const same = ['Openstack-Api-Version', 'Content-Disposition'];
  return same.find((name) => recorded[name] !== undefined && recorded[name] !== ours.get(name)) ?? null;
}
