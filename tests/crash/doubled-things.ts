import { setTimeout as sleep } from 'node:timers/promises';
import type { CrashCloud, Inventory } from './crash-cloud.ts';

/** What there is of each thing more than once: servers and addresses of one instance, groups of one name. */
export function doubledThings({ servers = [], floating_ips = [], ...others }: Inventory): string[] {
  const instances = (lines: readonly string[]) =>
    lines.flatMap((line) => line.match(/wadi-instance-[0-9a-f-]+/) ?? []);
  const names = (lines: readonly string[] = []) =>
    lines.map((line) => line.split(' ')[1] ?? '').filter((name) => name.startsWith('wadi-'));
  return [
    instances(servers),
    instances(floating_ips),
    names(others.security_groups),
    names(others.server_groups),
  ].flatMap(repeated);
}

/** Looks again and again until it is stopped, and then says what it has seen. */
export function watchForDoubles(cloud: CrashCloud): () => Promise<string[]> {
  const since = new Date();
  const seen = new Set<string>();
  let watching = true;
  const done = (async () => {
    while (watching) {
      for (const each of doubledThings(await cloud.inventory())) seen.add(each);
      await sleep(cloud.lookEvery);
    }
  })();
  return async () => {
    watching = false;
    await done;
    // No place of a cluster is filled twice in a round.
    for (const name of repeated((await cloud.serversMadeSince?.(since)) ?? [])) seen.add(name);
    return [...seen];
  };
}

function repeated(keys: readonly string[]): string[] {
  return keys.filter((key, index) => keys.indexOf(key) !== index);
}
