import { ApiError } from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import { isVersion1 } from './version-1.ts';

const versions = { min_version: '2.0', max_version: '2.0' };

/** For v2 only. The header may name other services too, separated by commas; those are not ours to judge. */
export function checkMicroversion(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    const header = request.headers['openstack-api-version'];
    if (header === undefined || isVersion1(request)) return;
    const wanted = [header]
      .flat()
      .flatMap((value) => value.split(','))
      .map((entry) => /^\s*data-processing\s+(\S*)\s*$/.exec(entry)?.[1])
      .find((version) => version !== undefined);
    if (wanted === undefined || wanted === 'latest' || wanted === '2.0') return;
    const options = { details: versions, idInMessage: false };
    if (!/^\d+\.\d+$/.test(wanted))
      throw new ApiError(
        400,
        'BAD_REQUEST',
        `API Version String '${wanted}' is of invalid format. Must be of format MajorNum.MinorNum.`,
        options,
      );
    reply.header('OpenStack-API-Version', `data-processing ${wanted}`);
    throw new ApiError(
      406,
      'NOT_ACCEPTABLE',
      `Version ${wanted} is not supported by the API. Minimum is 2.0 and maximum is 2.0.`,
      options,
    );
  });
}
