// The test beds are made of real parts from Debian: an OpenSSH server, relays, an HTTP server, a balancer, OpenStack's clients.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A program the tests need, and Debian's package that has it. */
const needed = [
  ['/usr/sbin/sshd', 'openssh-server'],
  ['/usr/bin/ssh', 'openssh-client'],
  ['/usr/bin/sudo', 'sudo'],
  ['/usr/bin/rsync', 'rsync'],
  ['/usr/bin/curl', 'curl'],
  ['/usr/sbin/nginx', 'nginx-light'],
  ['/usr/sbin/haproxy', 'haproxy'],
  ['/usr/sbin/ip', 'iproute2'],
  ['/usr/sbin/nft', 'nftables'],
  ['/usr/bin/nc.openbsd', 'netcat-openbsd'],
  ['/usr/bin/ncat', 'ncat'],
  ['/usr/bin/socat', 'socat'],
  ['/usr/bin/unshare', 'util-linux'],
  ['/usr/bin/busybox', 'busybox'],
  ['/usr/bin/ps', 'procps'],
  ['/usr/share/doc/python3/copyright', 'python3'],
  ['/usr/bin/keystone-manage', 'python3-keystone'],
  ['/usr/bin/uwsgi_python3', 'uwsgi-plugin-python3'],
  ['/usr/bin/openstack', 'python3-openstackclient'],
  ['/usr/lib/python3/dist-packages/saharaclient/client.py', 'python3-saharaclient'],
  ['/usr/sbin/mariadbd', 'mariadb-server-core'],
  ['/usr/bin/my_print_defaults', 'mariadb-client-core'],
];

/** Besides, where Sahara itself fills its database. */
const ofSahara = [['/usr/lib/python3/dist-packages/sahara/db/api.py', 'python3-sahara']];

/** Installs what is missing (root on Debian), or names it and ends the process with status 1. */
export function ensureDebianPackages({ withSahara = false } = {}) {
  const all = withSahara ? [...needed, ...ofSahara] : needed;
  const missing = all.filter(([program]) => !existsSync(program)).map(([, name]) => name);
  if (missing.length === 0) return;
  const apt = '/usr/bin/apt-get';
  if (process.getuid?.() !== 0 || !existsSync(apt)) {
    console.error(`The tests need these Debian packages: ${missing.join(' ')}`);
    console.error(`Install them as root:  apt-get install ${missing.join(' ')}`);
    process.exit(1);
  }
  const began = performance.now();
  console.log(`Installing Debian packages for the tests: ${missing.join(' ')} …`);
  // Services must not start by themselves: the tests run their own, inside namespaces.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...missing];
  let result = spawnSync(apt, install, { stdio: ['ignore', 'ignore', 'pipe'], env });
  if (result.status !== 0) {
    spawnSync(apt, ['update', '-qq'], { stdio: ['ignore', 'ignore', 'inherit'], env });
    result = spawnSync(apt, install, { stdio: ['ignore', 'ignore', 'inherit'], env });
  }
  const still = all.filter(([program]) => !existsSync(program)).map(([, name]) => name);
  if (still.length > 0) {
    console.error(
      `These packages could not be installed: ${still.join(' ')} (apt-get ended with ${result.status})`,
    );
    process.exit(1);
  }
  console.log(
    `Debian packages installed in ${((performance.now() - began) / 1000).toFixed(0)} s (not test time).`,
  );
}
