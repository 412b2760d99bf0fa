type Inventory = Readonly<Record<string, readonly string[]>>;

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
  ].flatMap((keys) => keys.filter((key, index) => keys.indexOf(key) !== index));
}

/** Looks again and again until it is stopped, and then says what it has seen. */
export function watchForDoubles(look: () => Promise<Inventory>): () => Promise<string[]> {
  const seen = new Set<string>();
  let watching = true;
  const done = (async () => {
    while (watching) {
      for (const each of doubledThings(await look())) seen.add(each);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  return async () => {
    watching = false;
    await done;
    return [...seen];
  };
}
