import { loadCloud, OpenStack, OpenStackError } from '@wadi/openstack';
import type { Logger } from 'pino';
import type { Database } from '../../storage/database.ts';
import { Delegations } from './delegations.ts';
import type { EntranceSettings } from './entrance.ts';
import type { Mark } from './names.ts';
import { OpenStackCloud } from './openstack-cloud.ts';
import { OwnProject } from './projects.ts';

export interface OpenStackCloudOptions extends EntranceSettings, Mark {
  /** Its name in clouds.yaml; null: the only one there, or what OS_… variables say. */
  readonly cloud: string | null;
  /** Null: where clients of OpenStack look for it. */
  readonly file: string | null;
  readonly db: Database;
  readonly log: Logger;
}

/** Reads the controller's credential; asks nobody yet. Throws what is wrong with it. */
function openClient({ cloud, file }: OpenStackCloudOptions): OpenStack {
  return new OpenStack(credentialOf({ cloud, file }));
}

function credentialOf({ cloud, file }: Pick<OpenStackCloudOptions, 'cloud' | 'file'>) {
  return loadCloud({ ...(cloud === null ? {} : { cloud }), ...(file === null ? {} : { file }) });
}

/** All that is made is in the one project of the credential. */
export function openForOneProject(options: OpenStackCloudOptions, projectId: string): OpenStackCloud {
  return new OpenStackCloud(new OwnProject(openClient(options), projectId), options);
}

/** Each project's own members let the controller act. */
export function openForAllProjects(options: OpenStackCloudOptions) {
  const { credential } = credentialOf(options);
  if (credential.kind !== 'password')
    throw new OpenStackError("the credential is none to which a project's members could delegate", {
      code: 'CONFIG_INVALID',
      hint: 'give a user and a password: Keystone ties application credentials and tokens to one project',
    });
  const delegations = new Delegations(openClient(options), credential, options);
  return { cloud: new OpenStackCloud(delegations, options), delegations };
}
