import type { Scenario } from '../stage.ts';
import { applicationCredentials, trusts } from './delegation.ts';
import { images } from './images.ts';
import { keypairs } from './keypairs.ts';
import { login } from './login.ts';
import { networks } from './networks.ts';
import { offers } from './offers.ts';
import { pages } from './pages.ts';
import { refusedServers } from './refused-servers.ts';
import { routers } from './routers.ts';
import { securityGroups } from './security-groups.ts';
import { serverGroups } from './server-groups.ts';
import { servers } from './servers.ts';

/** Together they make every call that the package has, but for volumes. */
export const scenarios: readonly Scenario[] = [
  { name: 'login', play: login },
  { name: 'trusts', play: trusts },
  { name: 'application-credentials', play: applicationCredentials },
  { name: 'offers', play: offers },
  { name: 'keypairs', play: keypairs },
  { name: 'server-groups', play: serverGroups },
  { name: 'images', play: images },
  { name: 'networks', play: networks },
  { name: 'routers', play: routers },
  { name: 'security-groups', play: securityGroups },
  { name: 'pages', play: pages },
  { name: 'servers', play: servers },
  { name: 'refused-servers', play: refusedServers },
];
