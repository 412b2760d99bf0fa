import { randomUUID } from 'node:crypto';
import { ApiError, fieldText } from '@wadi/api';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { allowedMethods } from './allowed-methods.ts';

export { ApiError };

/** The one place where what was thrown becomes an answer. */
export function handleErrors(app: FastifyInstance): void {
  const methodsOf = allowedMethods(app);
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply));
  // The router's answers have a shape of their own in Sahara.
  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsOf(request.url);
    // A version alone is refused before Sahara's router, in yet another shape.
    if (allowed.length === 0 && /^\/[^/?]+\/?(\?|$)/.test(request.url))
      return reply.code(404).send({
        message: 'The resource could not be found.<br /><br />\nIncorrect path\n\n',
        code: '404 Not Found',
        title: 'Not Found',
      });
    if (allowed.length === 0)
      return reply.code(404).send({
        error: 404,
        error_message:
          'The requested URL was not found on the server. If you entered the URL manually please check your ' +
          'spelling and try again.',
      });
    return reply
      .code(405)
      .header('Allow', allowed.join(', '))
      .send({ error: 405, error_message: 'The method is not allowed for the requested URL.' });
  });
}

export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): unknown {
  const error = toApiError(thrown, request);
  const id = randomUUID();
  // What is unexpected is told in the log only: an exception's text may hold anything.
  if (error !== thrown && error.status >= 500)
    request.log.error({ err: thrown, error_id: id }, 'request failed unexpectedly');
  else
    request.log.info(
      { error_id: id, error_name: error.errorName, reason: reasonOf(error) },
      'request refused',
    );
  if (error.status === 401 && !reply.hasHeader('WWW-Authenticate'))
    reply.header('WWW-Authenticate', 'Keystone uri="wadi"');
  return reply.code(error.status).type('application/json').send(errorBody(error, id));
}

export function errorBody(error: ApiError, id: string): Record<string, unknown> {
  return {
    ...error.details,
    error_code: error.status,
    error_name: error.errorName,
    error_message: error.idInMessage ? `${error.message}\nError ID: ${id}` : error.message,
    error_id: id,
    ...(error.fields.length > 0 ? { fields: error.fields.map(fieldText) } : {}),
    ...(error.hint ? { hint: error.hint } : {}),
    retryable: error.retryable,
  };
}

/** What is wrong with a body is told with what stands there, which may be a secret in the wrong place. */
function reasonOf({ errorName, message }: ApiError): string {
  if (errorName === 'VALIDATION_ERROR') return `${message.split('\n').length} problems of the body`;
  return message.length > 1000 ? `${message.slice(0, 1000)}…` : message;
}

function toApiError(thrown: unknown, request: FastifyRequest): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const { code, statusCode } = thrown as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new ApiError(400, 'INVALID_DATA', `Content type '${mediaType(request)}' isn't supported`, {
      hint: 'send JSON with Content-Type: application/json',
    });
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new ApiError(413, 'REQUEST_TOO_LARGE', 'The body of the request is too large', {
      hint: `this request may have at most ${request.routeOptions.bodyLimit} bytes`,
    });
  if (isUnstorableText(thrown))
    return new ApiError(400, 'INVALID_DATA', 'A text holds a character that cannot be stored', {
      hint: 'neither NUL nor half of a surrogate pair may be in it',
    });
  if (isDatabaseDown(thrown))
    return new ApiError(503, 'DATABASE_UNAVAILABLE', 'The database does not answer', {
      retryable: true,
      hint: 'try again; if it stays, see the log of the controller',
    });
  // Fastify's own refusals (malformed URL, bad length, …): their texts are fixed and name no internals.
  if (code?.startsWith('FST_') && statusCode && statusCode >= 400 && statusCode < 500)
    return new ApiError(statusCode, 'BAD_REQUEST', (thrown as Error).message);
  return new ApiError(500, 'INTERNAL_SERVER_ERROR', 'Internal Server Error', {
    idInMessage: false,
    hint: 'a defect of Wadi: the log has the details under this error_id',
  });
}

function mediaType(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** 22021, 22P05: NUL in a text or in JSON; half of a pair in JSON has only the code of all texts that are no JSON. */
function isUnstorableText(thrown: unknown): boolean {
  const { code, message } = thrown as { code?: unknown; message?: unknown };
  if (code === '22P02') return message === 'invalid input syntax for type json';
  return code === '22021' || code === '22P05';
}

function isDatabaseDown(thrown: unknown): boolean {
  const { code, message } = thrown as { code?: unknown; message?: unknown };
  // 57P0x: the server is stopping, crashed or starting; 08xxx: connection exceptions (PostgreSQL, appendix A).
  if (typeof code === 'string' && /^(57P0[123]|08[0-9A-Z]{3})$/.test(code)) return true;
  const socketErrors = ['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE'];
  const { syscall } = thrown as { syscall?: unknown };
  if (syscall === 'connect' && socketErrors.includes(String(code))) return true;
  return (
    typeof message === 'string' &&
    /^(Connection terminated|timeout exceeded when trying to connect)/.test(message)
  );
}
