import type { Cloud } from '../../clouds/cloud.ts';
import type { MarkedResource, MarkedResources } from '../../clouds/marked-resources.ts';
import { knownClusterIds } from '../../storage/clusters.ts';
import type { Database } from '../../storage/database.ts';

/** Made for a cluster that this installation does not know. */
export interface Leftover extends MarkedResource {
  readonly cloud: string;
  readonly projectId: string;
  /** Why it stays; null: it may be removed. */
  readonly keptBecause: string | null;
}

/** Where nobody could look. */
export interface BlindSpot {
  readonly cloud: string;
  readonly projectId: string;
  readonly message: string;
}

export interface Leftovers {
  readonly found: readonly Leftover[];
  readonly blindSpots: readonly BlindSpot[];
}

/** Milliseconds for which what is new is left alone: somebody may be at work on it. */
const young = 10 * 60_000;

/** @param only the id of the one project to look in; null: in all */
export async function findLeftovers(
  db: Database,
  clouds: ReadonlyMap<string, Cloud>,
  only: string | null,
): Promise<Leftovers> {
  const found: Leftover[] = [];
  const blindSpots: BlindSpot[] = [];
  for (const [cloud, { marked }] of clouds) {
    const projects = (await marked?.projects()) ?? [];
    for (const projectId of projects.filter((id) => only === null || id === only))
      try {
        if (marked) found.push(...(await leftoversOf(db, marked, { cloud, projectId })));
      } catch (error) {
        blindSpots.push({ cloud, projectId, message: (error as Error).message });
      }
  }
  return { found, blindSpots };
}

/** The cloud first and the database second: a cluster's row is there before anything is made for it. */
async function leftoversOf(
  db: Database,
  marked: MarkedResources,
  where: Pick<Leftover, 'cloud' | 'projectId'>,
): Promise<Leftover[]> {
  const all = await marked.list(where.projectId);
  const known = await knownClusterIds(db, [...new Set(all.map(({ clusterId }) => clusterId))]);
  const newest = newestOf(all);
  return all
    .filter(({ clusterId }) => !known.has(clusterId))
    .map((each) => {
      const age = Date.now() - (newest.get(each.clusterId) ?? 0);
      return { ...each, ...where, keptBecause: whyKept(each, age, marked) };
    });
}

/** By cluster, in milliseconds: of a server group nobody tells how old it is, but its servers do. */
function newestOf(all: readonly MarkedResource[]): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { clusterId, createdAt } of all)
    newest.set(clusterId, Math.max(newest.get(clusterId) ?? 0, createdAt?.getTime() ?? 0));
  return newest;
}

function whyKept(
  { installationId }: MarkedResource,
  age: number,
  { installationId: own }: MarkedResources,
): string | null {
  if (installationId === null) return 'nothing on it tells which installation of Wadi made it';
  if (installationId !== own) return `another installation of Wadi made it (${installationId})`;
  return age < young
    ? 'its cluster got something less than ten minutes ago: somebody may be at work on it'
    : null;
}
