import { HealthCheck, VersionDocument } from '@wadi/api';
import type { Resource } from '../context.ts';
import { documented, type Operation } from '../openapi/operation.ts';

const versions: Operation = {
  name: 'getVersions',
  summary: 'Which versions of the contract there are.',
  answers: { 300: VersionDocument },
};
const healthcheck: Operation = {
  name: 'getHealthcheck',
  summary: "The controller is alive, as Sahara's says it.",
  answers: { 200: HealthCheck },
};

/** `GET /`: which versions of the contract there are. No token, and the status 300 that OpenStack's clients know. */
export const versionDocument: Resource = (app) => {
  app.get('/', { config: { operation: versions, public: true } }, async (request, reply) => {
    reply.code(300);
    const version = (id: string, status: string) => {
      const href = `${request.protocol}://${request.host}/${id}/`;
      return { id, status, links: [{ rel: 'self', href }] };
    };
    return {
      versions: [
        version('v1.0', 'SUPPORTED'),
        version('v1.1', 'SUPPORTED'),
        { ...version('v2', 'CURRENT'), min_version: '2.0', max_version: '2.0' },
      ],
    };
  });

  // Sahara has it behind its tokens; `/healthz` is for those who have none.
  app.get('/healthcheck', documented(healthcheck), async () => ({ detailed: false, reasons: [] }));
};
