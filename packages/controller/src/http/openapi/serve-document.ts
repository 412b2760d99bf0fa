import { OpenApiDocument, type Right } from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import { openApiDocument } from './document.ts';
import { collectOperations, type Operation } from './operation.ts';

const operation: Operation = {
  name: 'getOpenApi',
  summary: 'This document.',
  answers: { 200: OpenApiDocument },
};

/**
 * `GET /openapi.json`, of the routes that this controller has. Without a token: it says nothing that the project's pages do
 * not say, and tools fetch it before they have one. Call before any route is added.
 */
export function serveDocument(
  app: FastifyInstance,
  rightOf: (method: string, url: string) => Right | undefined,
): void {
  const routes = collectOperations(app);
  let text: string | undefined;
  app.get('/openapi.json', { config: { operation, public: true } }, async (_request, reply) => {
    // Late, when all routes are there; they stay the same.
    text ??= JSON.stringify(openApiDocument(routes, rightOf));
    return reply.type('application/json').send(text);
  });
}
