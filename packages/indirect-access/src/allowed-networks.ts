import { BlockList, isIP } from 'node:net';
import { AccessError } from './errors.ts';

/**
 * Addresses that no network allows, however wide it is: "this host", links (metadata services are there), groups,
 * broadcast (RFC 6890). A name may resolve to any of them.
 */
const never = [
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::254/128',
];

/** A list of CIDRs to compare resolved addresses with. */
export class AllowedNetworks {
  static readonly #never = new AllowedNetworks(never);

  // Apart, because a BlockList finds every IPv4 address in ::/0.
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();

  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [, address = '', length] = /^([^/]+)\/(\d{1,3})$/.exec(network) ?? [];
      const family = isIP(address);
      if (family === 0 || Number(length) > (family === 4 ? 32 : 128)) {
        throw new AccessError(`not a network (CIDR): ${network}`, { code: 'INVALID_ARGUMENT' });
      }
      if (family === 4) this.#ipv4.addSubnet(address, Number(length), 'ipv4');
      else this.#ipv6.addSubnet(address, Number(length), 'ipv6');
    }
  }

  includes(address: string): boolean {
    const plain = comparable(address);
    return this.#has(plain) && !AllowedNetworks.#never.#has(plain);
  }

  #has(plain: string): boolean {
    return isIP(plain) === 4 ? this.#ipv4.check(plain, 'ipv4') : this.#ipv6.check(plain, 'ipv6');
  }
}

/**
 * ::ffff:10.0.0.1, however it is written, is dialled as 10.0.0.1 and must be judged as that: else an allowed
 * IPv6 network, or ::/0, would open all of IPv4.
 */
export function comparable(address: string): string {
  if (isIP(address) !== 6) return address;
  const short = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return address;
  const bytes = [high, low].flatMap((part) => [
    Number.parseInt(part, 16) >> 8,
    Number.parseInt(part, 16) & 255,
  ]);
  return bytes.join('.');
}
