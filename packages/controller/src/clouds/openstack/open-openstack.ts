import { loadCloud, OpenStack } from '@wadi/openstack';
import type { OpenStackCloud as Cloud } from './openstack-cloud.ts';
import { OpenStackCloud } from './openstack-cloud.ts';
import { OwnProject } from './projects.ts';

export interface OpenStackCloudOptions {
  /** Its name in clouds.yaml; null: the only one there. */
  readonly cloud: string | null;
  /** Null: where clients of OpenStack look for it. */
  readonly file: string | null;
  readonly controllerNetworks: readonly string[];
  readonly floatingIpPool: string | null;
  /** The project that the credential is for. */
  readonly projectId: string;
}

/** Reads the credential; asks nobody yet. Throws what is wrong with it. */
export function openOpenStackCloud(options: OpenStackCloudOptions): Cloud {
  const { cloud, file, projectId } = options;
  const openstack = new OpenStack(
    loadCloud({ ...(cloud === null ? {} : { cloud }), ...(file === null ? {} : { file }) }),
  );
  return new OpenStackCloud(new OwnProject(openstack, projectId), options);
}
