import { ApiError } from '@wadi/api';
import type { FastifyInstance } from 'fastify';

/** JSON or nothing, as Sahara takes it: an absent or empty body is `{}`, an absent content type is JSON. */
export function parseJson(app: FastifyInstance): void {
  const secure = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(/^application\/json/, { parseAs: 'string' }, (request, text, done) => {
    if (text === '') return done(null, {});
    secure(request, text as string, (error, body) => done(error ? malformed() : null, body));
  });
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, text, done) => {
    if (text === '') return done(null, {});
    const type = request.headers['content-type'];
    if (type !== undefined)
      return done(
        new ApiError(400, 'INVALID_DATA', `Content type '${type.split(';', 1)[0]?.trim()}' isn't supported`, {
          hint: 'send JSON with Content-Type: application/json',
        }),
      );
    secure(request, text as string, (error, body) => done(error ? malformed() : null, body));
  });
  app.addHook('preValidation', async (request) => {
    const takesBody = ['POST', 'PUT', 'PATCH', 'DELETE'].includes(request.method);
    if (takesBody && request.body === undefined && !request.routeOptions.config.rawBody) request.body = {};
  });
}

function malformed(): ApiError {
  return new ApiError(400, 'MALFORMED_REQUEST_BODY', 'Malformed message body: cannot understand JSON');
}
