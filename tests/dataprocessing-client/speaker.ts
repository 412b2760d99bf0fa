import { type Controller, type Requests, startController } from '../set-up/start-controller.ts';
import { ClientFolder } from './client-folder.ts';
import { Library } from './library.ts';
import { OpenStack } from './openstack.ts';
import { endOpenStack } from './openstack-forks.ts';

export type Version = '1.1' | '2';

/** Both clients at one API, as one user. */
export interface Speaker {
  readonly version: Version;
  readonly folder: ClientFolder;
  readonly openstack: OpenStack;
  readonly library: Library;
  /** The API beside the clients, in the same project: what they show must be so. */
  readonly api: Requests;
}

/** Where a project's API is; the clients take it as it is. */
export function endpoint(url: string, version: Version, project = 'default'): string {
  return version === '2' ? `${url}/v2` : `${url}/v1.1/${project}`;
}

/** A cloud with a token and nothing else: no Keystone, no other service. */
export function tokenCloud(at: string, token: string): object {
  return { auth_type: 'admin_token', auth: { endpoint: at, token } };
}

export type Sandbox = Speaker & { readonly controller: Controller; stop(): Promise<void> };

/** A controller with its own tokens, and the clients of the one who has started it. */
export async function startSandbox(version: Version): Promise<Sandbox> {
  const controller = await startController({ args: ['--sandbox'] });
  const at = endpoint(controller.url, version);
  const folder = new ClientFolder({ wadi: tokenCloud(at, controller.token) });
  const library = new Library(folder, version, 'wadi', at);
  const options = ['--os-cloud', 'wadi', '--os-auth-type', 'admin_token', '--os-endpoint', at];
  return {
    ...{ version, folder, library, controller, api: controller },
    openstack: new OpenStack(folder, version, ...options),
    async stop() {
      await library.close();
      await endOpenStack();
      await controller.stop();
    },
  };
}
