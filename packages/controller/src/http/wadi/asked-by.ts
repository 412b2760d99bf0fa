import type { FastifyRequest } from 'fastify';

/** Who makes a request and from where, as the audit log has it. */
export function askedBy(request: FastifyRequest) {
  const { tokenId, name, role } = request.principal;
  return { token_id: tokenId, who: name, role, source: request.ip };
}
