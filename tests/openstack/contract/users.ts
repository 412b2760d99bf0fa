import { type CloudConfig, OpenStack, Secret } from '@wadi/openstack';

/** Who plays the scenarios; the lab has neither them nor their projects before a recording, nor after it. */
export const player = 'contract-player';
export const stranger = 'contract-stranger';
/** What stands in recordings for an id that is new to the cloud. */
export const freshIdInRecordings = 'eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee';
/** What stands in recordings for the passwords of both. */
export const passwordInRecordings = 'the-password';

/** `origin`: of a recorder or a player, where all services are. Each user has a project of the same name. */
export function logInAs(name: string, origin: string, password: string, pause: number): OpenStack {
  const domain = { id: 'default' };
  const cloud: CloudConfig = {
    name: 'contract',
    authUrl: `${origin}/identity/v3`,
    credential: {
      kind: 'password',
      user: { name, domain },
      password: new Secret(password),
      scope: { kind: 'project', project: { name, domain } },
    },
    region: null,
    interface: 'public',
    ca: null,
    endpoints: {},
  };
  return new OpenStack(cloud, { limits: { firstPause: pause } });
}
