import type { IncomingHttpHeaders } from 'node:http';
import { nova } from '../reply.ts';
import type { Settings } from '../settings.ts';

/** The number after `2.`, without a header the lowest. Throws a Refusal for one that Nova does not speak. */
export function microversionOf(headers: IncomingHttpHeaders, { microversions }: Settings): number {
  const { lowest, highest } = microversions;
  const header = String(headers['openstack-api-version'] ?? '');
  const text = /^compute (.+)$/.exec(header)?.[1] ?? headers['x-openstack-nova-api-version'];
  if (text === undefined) return lowest;
  if (text === 'latest') return highest;
  const minor = Number(/^2\.(\d+)$/.exec(String(text))?.[1] ?? Number.NaN);
  if (Number.isNaN(minor))
    throw nova(400, `API Version String ${text} is of invalid format. Must be of format MajorNum.MinorNum.`);
  if (minor < lowest || minor > highest)
    throw nova(
      406,
      `Version 2.${minor} is not supported by the API. Minimum is 2.${lowest} and maximum is 2.${highest}.`,
    );
  return minor;
}
