import { isIPv4 } from 'node:net';
import { neutron } from '../reply.ts';

export interface Range {
  readonly first: number;
  readonly last: number;
  /** With the network's own address: `10.20.0.0/24`. */
  readonly cidr: string;
}

/** Null: it is none. A single address is a range of one. */
export function parseRange(text: unknown): Range | null {
  const [address = '', length = '32'] = String(text).split('/');
  const bits = Number(length);
  if (!isIPv4(address) || !/^\d+$/.test(length) || bits > 32) return null;
  const size = 2 ** (32 - bits);
  const first = Math.floor(toNumber(address) / size) * size;
  return { first, last: first + size - 1, cidr: `${toText(first)}/${bits}` };
}

export function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

export function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Where each range was left: what was given back is the last to be given out again. */
const cursors = new WeakMap<object, number>();

/** The next one that is free of those a subnet may give out. */
export function nextAddress(
  subnet: { readonly cidr: string; readonly network_id: string },
  taken: ReadonlySet<string>,
): string {
  const range = parseRange(subnet.cidr);
  const [first, last] = range ? [range.first + 2, range.last - 1] : [0, -1];
  const count = last - first + 1;
  const start = cursors.get(subnet) ?? 0;
  for (let tried = 0; tried < count; tried += 1) {
    const address = toText(first + ((start + tried) % count));
    if (taken.has(address)) continue;
    cursors.set(subnet, start + tried + 1);
    return address;
  }
  throw neutron(
    409,
    'IpAddressGenerationFailure',
    `No more IP addresses available on network ${subnet.network_id}.`,
  );
}
