/**
 * By what our things are known again. Servers have tags from their first moment; what Neutron makes has a description from
 * its first moment and tags a moment later; server groups have nothing but a name. The cluster's id finds them; the
 * installation's tells whose they are where several share a project, and nobody removes what is another's.
 */
export const clusterTag = (clusterId: string) => `wadi-cluster-${clusterId}`;
export const instanceTag = (instanceId: string) => `wadi-instance-${instanceId}`;
export const installationTag = (installationId: string) => `wadi-installation-${installationId}`;
/** On everything, so that all of it can be listed. */
export const commonTag = 'wadi';

export const clusterDescription = (clusterId: string) => `Wadi, cluster ${clusterId}`;
export const instanceDescription = (clusterId: string, instanceId: string) =>
  `${clusterDescription(clusterId)}, instance ${instanceId}`;

/** Of an address that a machine has only as long as it stands in for a proxy. */
export const promotionDescription = (clusterId: string, instanceId: string) =>
  `${instanceDescription(clusterId, instanceId)}, promoted`;

/** `inside`: between the machines of the cluster. `door`: from the controller to those that it dials. */
export type GroupRole = 'inside' | 'door';

export function groupName(clusterName: string, clusterId: string, role: GroupRole): string {
  return `wadi-${clusterName}-${clusterId.slice(0, 8)}-${role}`;
}

/** Who makes it. */
export interface Mark {
  readonly installationId: string;
}

export const serverGroupName = (clusterId: string, { installationId }: Mark) =>
  `wadi-${clusterId}-${installationId}`;

/** Of the cluster, whoever made it. */
export function isServerGroupOf(clusterId: string, name: string): boolean {
  return name === `wadi-${clusterId}` || name.startsWith(`wadi-${clusterId}-`);
}
