import { OpenStackError, type OpenStackErrorCode } from '../errors.ts';
import { type Call, mayRepeat } from './call.ts';
import type { Answer, WireFailure, WireFailureKind } from './http-client.ts';
import { readServiceMessage } from './service-message.ts';

const codes: Readonly<Record<WireFailureKind, OpenStackErrorCode>> = {
  unreachable: 'UNREACHABLE',
  certificate: 'CERTIFICATE_REFUSED',
  lost: 'CONNECTION_LOST',
  timeout: 'TIMEOUT',
  cancelled: 'CANCELLED',
  'too-long': 'INVALID_ANSWER',
  closed: 'CLOSED',
};

const hints: Partial<Record<OpenStackErrorCode, string>> = {
  CERTIFICATE_REFUSED: 'name the authority that signed it in `cacert`',
  NO_ENDPOINT: 'whatever answers there is not the service: correct its address in the catalog, or auth_url',
  REDIRECTED: 'the address in the catalog or in auth_url is not where the service is: correct it',
  FORBIDDEN: 'the roles of this user in this project do not allow it',
  QUOTA_EXCEEDED: 'delete what is not needed, or have the quota of the project raised',
};

/** `POST compute /v2.1/servers`: what every error of a call begins with. No query: names and ids of others are in there. */
function subject({ method, service, url }: Call): string {
  return `${service}: ${method} ${url.pathname}`;
}

export function wireError(call: Call, failure: WireFailure, attempts: number): OpenStackError {
  const code = codes[failure.kind];
  const maybeDone = failure.sent && isChange(call);
  const passing = ['UNREACHABLE', 'CONNECTION_LOST', 'TIMEOUT'].includes(code);
  return new OpenStackError(`${subject(call)}: ${failure.message}${times(attempts)}`, {
    code,
    service: call.service,
    method: call.method,
    path: call.url.pathname,
    hint: code === 'UNREACHABLE' ? unreachableHint(call) : hints[code],
    maybeDone,
    retryable: passing && (!maybeDone || mayRepeat(call)),
    cause: failure.cause,
  });
}

export interface AnswerErrorDetails {
  readonly attempts: number;
  readonly secrets: readonly string[];
  /** Milliseconds that the service asked to wait, where that was too long. */
  readonly asked?: number | null;
}

export function answerError(call: Call, answer: Answer, details: AnswerErrorDetails): OpenStackError {
  const { type, text } = readServiceMessage(answer.text, details.secrets);
  // Keystone says 404 of an application credential that was deleted, and 403 of a trust that may not be used.
  const refused = isLogin(call) && [403, 404].includes(answer.status);
  const stranger = answer.status === 404 && !isOfService(answer);
  const code = refused
    ? 'AUTHENTICATION_FAILED'
    : stranger
      ? 'NO_ENDPOINT'
      : codeOf(answer.status, type, text);
  const requestId = requestIdOf(answer);
  const maybeDone = isChange(call) && answer.status >= 500 && !wasNotBegun(answer);
  const wait = details.asked ? `; it asks to wait ${Math.ceil(details.asked / 1000)} s` : '';
  const said = text || type || '';
  const trace = requestId ? ` (${requestId})` : '';
  return new OpenStackError(
    `${subject(call)}: ${answer.status}${said && ` ${said}`}${wait}${times(details.attempts)}${trace}`,
    {
      code,
      service: call.service,
      method: call.method,
      path: call.url.pathname,
      status: answer.status,
      requestId,
      said: text || undefined,
      type: type ?? undefined,
      hint: hints[code] ?? (code === 'AUTHENTICATION_FAILED' ? authenticationHint(call) : undefined),
      maybeDone,
      retryable: isPassing(answer.status) && (!maybeDone || mayRepeat(call)),
    },
  );
}

/** It was done, but the answer says something else than it should. `problem` must quote none of it. */
export function invalidAnswer(call: Call, answer: Answer, problem: string): OpenStackError {
  const requestId = requestIdOf(answer);
  return new OpenStackError(`${subject(call)}: the answer ${problem}${requestId ? ` (${requestId})` : ''}`, {
    code: 'INVALID_ANSWER',
    service: call.service,
    method: call.method,
    path: call.url.pathname,
    status: answer.status,
    requestId,
    hint: 'see whether the address in the catalog is that of the service',
    maybeDone: isChange(call),
  });
}

/**
 * Whether a 503 or 429 comes from where the request was not obeyed yet: limits come first, Retry-After says so, and an answer
 * without a request id is of a gateway that found no service behind it.
 */
export function wasNotBegun(answer: Answer): boolean {
  const { status } = answer;
  if (status === 429 || (status === 413 && answer.header('retry-after') !== undefined)) return true;
  return status === 503 && (answer.header('retry-after') !== undefined || requestIdOf(answer) === undefined);
}

/**
 * Services give every answer a request id. A 404 without one is of a gateway that does not know the path, and must not be
 * taken for the news that a server is gone.
 */
export function isOfService(answer: Answer): boolean {
  return requestIdOf(answer) !== undefined;
}

/** 500 too: a database or a message broker that is away for a moment looks like that. */
export function isPassing(status: number): boolean {
  return [429, 500, 502, 503, 504].includes(status);
}

function requestIdOf(answer: Answer): string | undefined {
  const id = answer.header('x-openstack-request-id') ?? answer.header('x-compute-request-id');
  return id && /^[\w.-]{1,100}$/.test(id) ? id : undefined;
}

function codeOf(status: number, type: string | null, text: string): OpenStackErrorCode {
  // Nova's words for metadata and for ports of a new server do not have that one.
  const quota = /quota|over the limit|maximum number/i.test(`${type} ${text}`);
  if (status === 413 || type === 'OverQuota' || (status === 403 && quota)) return 'QUOTA_EXCEEDED';
  if (status >= 300 && status < 400) return 'REDIRECTED';
  if (status >= 500) return 'SERVICE_FAILED';
  const known: Readonly<Record<number, OpenStackErrorCode>> = {
    401: 'AUTHENTICATION_FAILED',
    403: 'FORBIDDEN',
    404: 'NOT_FOUND',
    406: 'MICROVERSION_UNSUPPORTED',
    409: 'CONFLICT',
    410: 'NOT_FOUND',
    429: 'TOO_MANY_REQUESTS',
  };
  return known[status] ?? 'BAD_REQUEST';
}

function authenticationHint(call: Call): string {
  return isLogin(call)
    ? 'see whether user, password or credential, domain and project are right, and not expired'
    : 'the service does not accept the token that Keystone gave: its administrator has to look';
}

function unreachableHint(call: Call): string {
  const { origin } = call.url;
  return isLogin(call)
    ? `see whether ${origin} is what auth_url should say, and whether it can be reached from here`
    : `see whether ${origin} can be reached from here; it is in the catalog, and \`interface\` chooses another`;
}

function isLogin({ url }: Call): boolean {
  return url.pathname.endsWith('/auth/tokens');
}

function isChange({ method, repeat }: Call): boolean {
  return !['GET', 'HEAD'].includes(method) && !(method === 'POST' && repeat === 'always');
}

function times(attempts: number): string {
  return attempts > 1 ? `, after ${attempts} attempts` : '';
}
