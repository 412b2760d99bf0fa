/** Every status a cluster can have, as it is spelled on the wire. */
export const clusterStatuses = [
  'Validating',
  'InfraUpdating',
  'Spawning',
  'Waiting',
  'Preparing',
  'Configuring',
  'Starting',
  'Active',
  'Decommissioning',
  'Scaling',
  'Scaling: Spawning',
  'Scaling: Waiting',
  'Scaling: Preparing',
  'Adding Instances',
  'Deleting Instances',
  'Rollback: Spawning',
  'Rollback: Waiting',
  'Rollback: Preparing',
  'AwaitingTermination',
  'Deleting',
  'Error',
] as const;

export type ClusterStatus = (typeof clusterStatuses)[number];
