import type { WadiClient } from '@wadi/client';

/** `bare:1.0` or `bare`, which takes the plugin's last version. */
export async function chosenPlugin(client: WadiClient, given: string) {
  const [name = '', version] = given.split(/:(.*)/s);
  const last = version ?? (await client.plugins.get(name)).versions.at(-1) ?? '';
  return { plugin_name: name, plugin_version: last };
}
