/** A creation or deletion that cannot go on; the message is what the cluster's owner reads. */
export class ProvisioningError extends Error {
  override readonly name = 'ProvisioningError';
}

/** The cluster is being deleted, or is gone: whoever works on it stops without a word. */
export class ClusterGoneError extends Error {
  override readonly name = 'ClusterGoneError';
  constructor(clusterId: string) {
    super(`cluster ${clusterId} is being deleted`);
  }
}
