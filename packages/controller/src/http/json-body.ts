import { ApiError } from '@wadi/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/**
 * Values of a body, unless a route says that it takes more, and how deep they may be nested. Whoever checks or stores a body
 * goes through all of it while nobody else is served, and recursion ends the same way for everyone.
 */
const mostValues = 20_000;
const mostLevels = 64;

/** JSON or nothing, as Sahara takes it: an absent or empty body is `{}`, an absent content type is JSON. */
export function parseJson(app: FastifyInstance): void {
  const secure = app.getDefaultJsonParser('error', 'error');
  const parse = (
    request: FastifyRequest,
    text: string,
    done: (error: Error | null, body?: unknown) => void,
  ) =>
    secure(request, text, (error, body) => {
      const most = request.routeOptions.config.mostValues ?? mostValues;
      const problem = error ? malformed() : sizeProblem(body, most);
      done(problem, problem ? undefined : body);
    });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(/^application\/json/, { parseAs: 'string' }, (request, text, done) => {
    if (text === '') return done(null, {});
    parse(request, text as string, done);
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
    parse(request, text as string, done);
  });
  app.addHook('preValidation', async (request) => {
    const takesBody = ['POST', 'PUT', 'PATCH', 'DELETE'].includes(request.method);
    if (takesBody && request.body === undefined && !request.routeOptions.config.rawBody) request.body = {};
  });
}

function malformed(): ApiError {
  return new ApiError(400, 'MALFORMED_REQUEST_BODY', 'Malformed message body: cannot understand JSON');
}

function sizeProblem(body: unknown, most: number): ApiError | null {
  let level = [body];
  let count = 1;
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > mostLevels) return tooMuch(`is nested more than ${mostLevels} levels deep`);
    const next: unknown[] = [];
    for (const each of level) {
      if (typeof each !== 'object' || each === null) continue;
      const inside = Array.isArray(each) ? each : Object.values(each);
      count += inside.length;
      if (count > most) return tooMuch(`has more than ${most} values`);
      for (const value of inside) next.push(value);
    }
    level = next;
  }
  return null;
}

function tooMuch(what: string): ApiError {
  return new ApiError(400, 'INVALID_DATA', `The body of the request ${what}`);
}
