import { ServiceStatus } from '@wadi/api';
import { sql } from 'kysely';
import type { Resource } from './context.ts';
import type { Operation } from './openapi/operation.ts';

const alive: Operation = {
  name: 'getHealth',
  summary: 'The controller is alive.',
  answers: { 200: ServiceStatus },
};
const ready: Operation = {
  name: 'getReadiness',
  summary: 'The controller is able to work.',
  answers: { 200: ServiceStatus, 503: ServiceStatus },
};

/** For those who watch the service: alive, and able to work. No token. */
export const health: Resource = (app, { db, stopping, drain }) => {
  app.get('/healthz', { config: { operation: alive, public: true } }, async () => ({ status: 'ok' }));
  app.get('/readyz', { config: { operation: ready, public: true } }, async (_request, reply) => {
    if (stopping.aborted || drain.begun) return reply.code(503).send({ status: 'stopping' });
    try {
      await sql`select 1`.execute(db);
      return { status: 'ready' };
    } catch {
      return reply.code(503).send({ status: 'database unavailable' });
    }
  });
};
