// node --import tsx examples/list-openstack-servers.ts [CLOUD]     with a clouds.yaml, or OS_AUTH_URL and its like
import { loadCloud, OpenStack, OpenStackError } from '@wadi/openstack';

let openstack: OpenStack | undefined;
try {
  openstack = new OpenStack(loadCloud({ cloud: process.argv[2] }));
  const { user, project } = await openstack.identity();
  console.log(`${user.name} in ${project?.name}`);
  for (const { name, status, addresses } of await openstack.servers.list()) {
    const all = Object.values(addresses).flat();
    console.log(name, status, all.map(({ addr }) => addr).join(' '));
  }
} catch (error) {
  if (!(error instanceof OpenStackError)) throw error;
  console.error(`${error.message}${error.hint ? `\n${error.hint}` : ''}`);
  process.exitCode = 1;
} finally {
  await openstack?.close();
}
