import { isUuid } from '@wadi/api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Answer, type Environment, openEnvironment, recordedPlugins } from './recorded-environment.ts';
import { type Recorded, readRecording } from './recording.ts';

// Plays the recording of a real Sahara against the real server and compares. "In the shape" means: every key that Sahara answers is there with the same value; further ones may be.

/** Answered otherwise on purpose. */
const different: Record<string, string> = {
  'v1-accept-unsupported': 'Sahara crashes; JSON is answered whatever is asked for',
  'v1-ngt-filter-unknown-column': 'Sahara crashes; refused',
  'v1-ngt-export': 'without boot_…, which v1.1 refuses to import',
  'v2-ngt-filter-hadoop-version': 'the real client sends it, and means plugin_version',
  'v1-clusters-after-quota-error': 'nothing is left behind by a refused request',
  'v2-ct-list': 'Sahara loses node groups where a list has a limit; ties of a second are broken otherwise',
  'v1-cluster-get-deleting': 'recorded while it was being deleted; here it is gone by then',
  'v1-clusters-before-force': 'recorded while clusters were being made and deleted',
};

/** Of clusters only what was asked for can be compared: the recorded ones had other machines. */
const ofMachines = [
  ...['instances', 'provision_progress', 'verification', 'trust_id', 'management_public_key', 'updated_at'],
];

const recording = readRecording().filter(({ name }) => !/scale|verif|update-keypair/.test(name));

/** Ours to the recorded one. */
const ids = new Map<string, string>();
let api: Environment;
beforeAll(async () => {
  api = await openEnvironment([recordedPlugins], 'fake');
});
afterAll(() => api?.close());

it.each(recording.map((entry) => [entry.name, entry] as const))('%s', async (name, recorded) => {
  await api.settle();
  const { method, path, headers, body } = recorded.request;
  const sent = body === null ? undefined : toOurs(JSON.stringify(body));
  const token = { 'X-Auth-Token': headers['X-Auth-Token'] ?? '' };
  const answer = await api.request(method, toOurs(path), sent, { ...headers, ...token });
  noteIds(recorded, answer);
  const { response } = recorded;
  if (!response) return;
  if (name in different) return expect(answer.status).toBeLessThan(500);
  const isCluster = /\/clusters/.test(path);
  expect({ status: answer.status, body: comparable(answer.body, response.body, isCluster) }).toEqual({
    status: response.status,
    body: comparable(isCluster ? corrected(response.body) : response.body, response.body, isCluster),
  });
});

/** Sahara renamed the group when its template changed; here a cluster template keeps the names it was given. */
function corrected(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body).replaceAll('"name":"worker"', '"name":"workers"'));
}

function toOurs(text: string): string {
  let out = text;
  for (const [ours, theirs] of ids) out = out.replaceAll(theirs, ours);
  return out;
}

function noteIds({ creates, response }: Recorded, { body }: Answer): void {
  const made = entries(body);
  for (const [index, theirs] of (creates ?? []).entries()) {
    const ours = made[index]?.id;
    if (ours !== undefined) ids.set(ours, theirs);
  }
  // Of some the recording tells the ids only in lists.
  for (const one of entries(response?.body)) {
    const ours = made.find((other) => other.name === one.name)?.id;
    if (ours !== undefined && isUuid(one.id ?? '')) ids.set(ours, one.id ?? '');
  }
}

interface Entry {
  readonly id?: string;
  readonly name?: string;
}

function entries(body: unknown): Entry[] {
  const values = Object.values(body ?? {}).flat() as ({ cluster?: Entry } & Entry)[];
  return values.flatMap((value) => value?.cluster ?? value ?? []);
}

/** Both sides without what cannot be the same: ids, dates, the order of ids, keys that only Wadi has. */
function comparable(value: unknown, pattern: unknown, isCluster: boolean): unknown {
  if (typeof value === 'string') return comparableText(value);
  if (Array.isArray(value)) {
    const patterns = byName(Array.isArray(pattern) ? pattern : []);
    return byName(value).map((item, index) => comparable(item, patterns[index], isCluster));
  }
  if (typeof value !== 'object' || value === null) return value;
  const wanted = (pattern ?? {}) as Record<string, unknown>;
  const keys = Object.keys(value).filter((key) => key in wanted && !(isCluster && ofMachines.includes(key)));
  return Object.fromEntries(
    keys.map((key) => [key, comparable((value as Record<string, unknown>)[key], wanted[key], isCluster)]),
  );
}

function byName(items: readonly unknown[]): unknown[] {
  const name = (item: unknown) => (item as { name?: string } | null)?.name ?? '';
  return items.every((item) => name(item) !== '')
    ? items.toSorted((a, b) => (name(a) < name(b) ? -1 : 1))
    : [...items];
}

function comparableText(text: string): string {
  let out = text.replace(/\nError ID: .*$/, '\nError ID: …');
  for (const [ours, theirs] of ids) out = out.replaceAll(ours, theirs);
  return out
    .replace(/127\.0\.0\.1:\d+/g, '<host>')
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\b/g, '<date>')
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/g, (id) =>
      [...ids.values()].includes(id) ? id : '<id>',
    );
}
