/** What was recorded, with Sahara's own mistakes taken out; docs/sahara-compatibility.md names each. */
export function corrected(name: string, recorded: unknown): unknown {
  // What is not in the recorded answer is not compared.
  if (name === 'v1-ngt-export') return without(/^boot_/, recorded);
  if (name === 'v2-ct-list') return wholePage(recorded as Page);
  if (name === 'v1-clusters-after-quota-error') return { clusters: [] };
  return everywhere(recorded);
}

interface Page {
  readonly cluster_templates: readonly { readonly id: string }[];
}

/** The next page begins after the last of this one; what groups there are is not in the recorded answer. */
function wholePage(recorded: Page): unknown {
  const markers = { prev: null, next: recorded.cluster_templates.at(-1)?.id };
  return without(/^node_groups$/, { ...recorded, markers });
}

function without(field: RegExp, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => without(field, item));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !field.test(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, without(field, item)]));
}

function everywhere(recorded: unknown): unknown {
  if (Array.isArray(recorded)) return recorded.map(everywhere);
  if (typeof recorded !== 'object' || recorded === null) return recorded;
  return Object.fromEntries(
    Object.entries(recorded).map(([key, value]) => {
      if (key === 'trust_id') return [key, null];
      if (key === 'name' && value === 'worker' && 'node_processes' in recorded && 'count' in recorded)
        return [key, 'workers'];
      if (key === 'error_message')
        return [key, String(value).replace("nodegroup with name 'worker'", "nodegroup with name 'workers'")];
      if (key === 'instance_name') return [key, correctedNames(String(value))];
      return [key, everywhere(value)];
    }),
  );
}

/** A group keeps the name that its cluster template gave it, and so do its machines. */
export function correctedNames(text: string): string {
  return text.replaceAll('c1-worker-', 'c1-workers-').replaceAll('"name":"worker"', '"name":"workers"');
}

/** The names in the lists of an answer, in their order. */
export function namesInOrder(body: unknown): string[] {
  const items = Object.values(body ?? {}).flat() as ({ name?: string } | null)[];
  return items.flatMap((item) => item?.name ?? []);
}

/** Ids of ours with those of the recording. */
export type Ids = ReadonlyMap<string, string>;

/**
 * Our answer, or the recorded one, without what cannot be the same: ids, dates, addresses, keys of machines, and fields
 * that only Wadi has. `pattern` is always the recorded one.
 */
export function comparable(value: unknown, pattern: unknown, ids: Ids): unknown {
  if (typeof value === 'string') return comparableText(value, ids);
  if (Array.isArray(value)) {
    const patterns = byName(Array.isArray(pattern) ? pattern : []);
    return byName(value).map((item, index) => comparable(item, patterns[index], ids));
  }
  if (typeof value !== 'object' || value === null) return value;
  const wanted = (pattern ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(withoutCounts(value))
      .filter(([key]) => key in wanted)
      .map(([key, item]) => [key, special(key, item, value) ?? comparable(item, wanted[key], ids)]),
  );
}

/** Before there are machines Sahara counts those that are there, which is none yet, and Wadi those that are to be. */
function withoutCounts(cluster: object): object {
  const { status, node_groups: groups } = cluster as { status?: string; node_groups?: object[] };
  if (status !== 'InfraUpdating' || !groups) return cluster;
  return { ...cluster, node_groups: groups.map((group) => ({ ...group, count: '<number>' })) };
}

/** Fields whose values belong to the place where they were made: of these the kind is compared. */
function special(key: string, value: unknown, owner: object): unknown {
  if (key === 'updated_at') return '<date>';
  if (key === 'provision_progress') return stepKeys(value as object[]);
  if (key === 'verification') return Object.keys(value as object).sort();
  if (key === 'management_public_key') return '<key>';
  if (key === 'storage_devices_number') return typeof value;
  // Of a machine in the making Sahara knows the cloud's id before the addresses, Wadi all at once.
  if (key === 'instance_id' && 'internal_ip' in owner && owner.internal_ip === null) return '<id>';
  if (key === 'instance_id' || key === 'internal_ip') return typeof value;
  if (key === 'management_ip')
    return 'internal_ip' in owner && value === owner.internal_ip ? 'behind the proxy' : 'reached directly';
  return undefined;
}

/** Which steps there are follows from how machines are made; that each has its fields is the contract. */
function stepKeys(steps: readonly object[]): unknown {
  const known = [
    'created_at',
    'updated_at',
    'id',
    'cluster_id',
    'step_name',
    'step_type',
    'total',
    'successful',
  ];
  return steps.length === 0
    ? 'no steps'
    : steps.every(
        (step) => known.every((key) => key in step) && ('tenant_id' in step || 'project_id' in step),
      );
}

function byName(items: readonly unknown[]): unknown[] {
  const name = (item: unknown) =>
    (item as { name?: string } | null)?.name ??
    (item as { instance_name?: string } | null)?.instance_name ??
    '';
  return items.every((item) => name(item) !== '')
    ? items.toSorted((a, b) => (name(a) < name(b) ? -1 : 1))
    : [...items];
}

function comparableText(text: string, ids: Ids): string {
  let out = text
    .replace(/\nError ID: .*$/, '\nError ID: …')
    // How far the work had got that was begun just before.
    .replace(/(?<=^Cluster cannot be scaled .* Cluster status: )(?!Error)[^\n]+/, '<status>');
  for (const [ours, theirs] of ids) out = out.replaceAll(ours, theirs);
  const known = new Set(ids.values());
  return out
    .replace(/127\.0\.0\.1:\d+/g, '<host>')
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\b/g, '<date>')
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/g, (id) =>
      known.has(id) ? id : '<id>',
    );
}
