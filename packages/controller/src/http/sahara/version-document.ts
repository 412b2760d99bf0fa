import type { Resource } from '../context.ts';

/** `GET /`: which versions of the contract there are. No token, and the status 300 that OpenStack's clients know. */
export const versionDocument: Resource = (app) => {
  app.get('/', { config: { public: true } }, async (request, reply) => {
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
  app.get('/healthcheck', async () => ({ detailed: false, reasons: [] }));
};
