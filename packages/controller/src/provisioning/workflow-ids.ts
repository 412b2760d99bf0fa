/** A cluster is created once and deleted once: its id makes the workflow's, so a repeated start does nothing. */
export const creationOf = (clusterId: string): string => `create-${clusterId}`;
export const deletionOf = (clusterId: string): string => `delete-${clusterId}`;
/** One that failed may be tried again, and one that was given back may come again: the cluster's id does not do. */
export const adoptionOf = (workId: string): string => `adopt-${workId}`;
export const givingBackOf = (workId: string): string => `give-back-${workId}`;
/** As often as somebody asks: each time has an id of its own. */
export const scalingOf = (scalingId: string): string => `scale-${scalingId}`;
/** One for each pass over the machines that are left. */
export const rotationOf = (rotationId: string, passes: number): string =>
  `rotate-${rotationId}-${passes + 1}`;
