/** In the order in which they can be removed. */
export const resourceKinds = ['server', 'floating_ip', 'server_group', 'security_group'] as const;
export type ResourceKind = (typeof resourceKinds)[number];

/** Something in a cloud that says it was made for a cluster. */
export interface MarkedResource {
  readonly kind: ResourceKind;
  readonly id: string;
  readonly name: string;
  readonly clusterId: string;
  /** Null: the cloud does not tell. */
  readonly createdAt: Date | null;
  /** Which installation made it; null: nothing on it tells. */
  readonly installationId: string | null;
}

/** What of a cloud can be left over when a cluster is gone. */
export interface MarkedResources {
  /** Of this installation. */
  readonly installationId: string;

  /** Ids of those in which the controller may look. */
  projects(): Promise<readonly string[]>;

  /** Of every cluster and every installation. */
  list(projectId: string): Promise<readonly MarkedResource[]>;

  /**
   * Removes it, if it still has the marks that it was found with, and waits until it is gone. False: it has not, or was
   * gone before.
   */
  remove(projectId: string, resource: MarkedResource): Promise<boolean>;
}
