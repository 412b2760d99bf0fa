/** The work behind a cluster's row. All return when the work is durably begun; calling again begins nothing new. */
export interface ClusterProvisioning {
  /** For a cluster in status `Validating` whose node groups are stored. */
  createCluster(clusterId: string): Promise<void>;
  /** For a cluster in status `Validating` whose scaling is stored. */
  scaleCluster(clusterId: string, scalingId: string): Promise<void>;
  /** False: nobody ever looks at the health of clusters. */
  readonly canVerify: boolean;
  /** Begins to look at an Active cluster's health; false when somebody looks already. */
  verifyCluster(clusterId: string): Promise<boolean>;
  /** The next pass over the machines whose keys are still to be replaced. */
  rotateKeys(rotation: UnfinishedRotation): Promise<void>;
  /** For a cluster in status `Deleting`: removes its machines, then its row. */
  deleteCluster(clusterId: string): Promise<void>;
}

export interface UnfinishedRotation {
  readonly id: string;
  readonly cluster_id: string;
  readonly kind: 'management' | 'host';
  /** Passes that came to their end. */
  readonly passes: number;
}
