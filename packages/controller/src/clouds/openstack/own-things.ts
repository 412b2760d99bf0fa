import type { CallOptions, OpenStack } from '@wadi/openstack';

/** Neutron shows an admin what every project has; nobody else's is ours, whatever it is called. */
export async function ownThings<T extends { readonly project_id: string }>(
  openstack: OpenStack,
  things: readonly T[],
  options: CallOptions = {},
): Promise<T[]> {
  const { project } = await openstack.identity(options);
  return things.filter(({ project_id }) => project_id === project?.id);
}
