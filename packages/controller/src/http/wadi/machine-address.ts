import { BlockList, isIP } from 'node:net';
import { hostNamePattern } from '@wadi/api';
import { AllowedNetworks } from '@wadi/indirect-access';

const hostName = new RegExp(hostNamePattern);

/** Addresses that are no machine's: "this host", links, groups, broadcast (RFC 6890). */
const nobodys = networks(['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/128', 'fe80::/10', 'ff00::/8']);
const loopback = networks(['127.0.0.0/8', '::1/128']);

/**
 * What is wrong with the address of an imported machine, or null. `dialled`: the controller itself connects to it, so it
 * must lie in a network that an admin allowed; names are checked when they are resolved.
 */
export function addressProblem(
  address: string,
  dialled: boolean,
  allowNetworks: readonly string[],
): string | null {
  const family = isIP(address);
  if (family === 0) {
    // Digits and dots only would be read as an address by some resolvers.
    if (!hostName.test(address) || /^[\d.]+$/.test(address))
      return `'${address}' is neither an IP address nor a host name`;
    return dialled && allowNetworks.length === 0 ? noNetwork : null;
  }
  const type = family === 6 ? 'ipv6' : 'ipv4';
  if (nobodys.check(address, type)) return `${address} cannot be the address of a machine`;
  if (!dialled)
    return loopback.check(address, type)
      ? `${address} is the loopback address of whoever dials it: the proxy, not the machine`
      : null;
  if (allowNetworks.length === 0) return noNetwork;
  return new AllowedNetworks(allowNetworks).includes(address)
    ? null
    : `${address} is outside of the networks that this controller may dial (${allowNetworks.join(', ')})`;
}

const noNetwork = 'this controller may dial no network: start it with --allow-network CIDR';

function networks(list: readonly string[]): BlockList {
  const blocks = new BlockList();
  for (const each of list) {
    const [address = '', prefix = ''] = each.split('/');
    blocks.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return blocks;
}
