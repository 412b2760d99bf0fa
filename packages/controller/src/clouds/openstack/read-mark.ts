import { clusterDescription, clusterTag, commonTag, installationTag } from './names.ts';

const uuid = '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})';
const patterns = {
  cluster: new RegExp(`^${clusterTag(uuid)}$`),
  installation: new RegExp(`^${installationTag(uuid)}$`),
  description: new RegExp(`^${clusterDescription(uuid)}(?:,|$)`),
  serverGroup: new RegExp(`^wadi-${uuid}(?:-${uuid})?$`),
};

/** For which cluster a thing was made, and by which installation. */
export interface ReadMark {
  readonly clusterId: string;
  /** Null: nothing on it tells. */
  readonly installationId: string | null;
}

/** Null: it has no mark of ours. What was made and not tagged yet has its description. */
export function readMark(thing: {
  readonly tags: readonly string[];
  readonly description?: string | undefined;
}): ReadMark | null {
  const tagged = thing.tags.includes(commonTag) ? only(thing.tags, patterns.cluster) : null;
  const clusterId = tagged ?? patterns.description.exec(thing.description ?? '')?.[1] ?? null;
  return clusterId === null ? null : { clusterId, installationId: only(thing.tags, patterns.installation) };
}

export function readServerGroupMark(name: string): ReadMark | null {
  const [, clusterId, installationId = null] = patterns.serverGroup.exec(name) ?? [];
  return clusterId === undefined ? null : { clusterId, installationId };
}

/** Two that contradict each other are none. */
function only(tags: readonly string[], pattern: RegExp): string | null {
  const found = tags.flatMap((tag) => pattern.exec(tag)?.[1] ?? []);
  return found.length === 1 ? (found[0] ?? null) : null;
}
