import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { AllowedNetworks } from '@wadi/indirect-access';

const loopback = new AllowedNetworks(['127.0.0.0/8', '::1/128']);
const anywhere = new AllowedNetworks(['0.0.0.0/0', '::/0']);

/**
 * Why the controller does not ask at that address, or null. The addresses of a cluster's own network are its owner's choice, and
 * may be anybody's where the controller is.
 * @param allow networks that an admin allowed; null: the cloud vouches for its addresses
 */
export function whyNotAsked(address: string | null, allow: readonly string[] | null): string | null {
  if (address === null) return 'it has no address yet';
  if (isIP(address) === 0) return 'its address is a name that means something behind the proxy only';
  if (loopback.includes(address) || !anywhere.includes(address)) return 'no machine can have that address';
  const own = Object.values(networkInterfaces()).flat();
  if (own.some((each) => each?.address === address)) return 'the controller itself has that address';
  if (allow !== null && !new AllowedNetworks(allow).includes(address))
    return 'it is outside of the networks that this controller may dial (--allow-network)';
  return null;
}
