/** Stable causes; callers branch on these, never on text. */
export type OpenStackErrorCode =
  | 'CONFIG_NOT_FOUND' // no clouds.yaml, no such cloud in it, and nothing in the environment
  | 'CONFIG_INVALID'
  | 'INVALID_ARGUMENT'
  | 'AUTHENTICATION_FAILED' // Keystone refuses the credential, or a service refuses a token that is new
  | 'NO_ENDPOINT' // the catalog lacks the service, in this region or for this interface
  | 'MICROVERSION_UNSUPPORTED'
  | 'BAD_REQUEST' // 400 and the other 4xx without a code of their own
  | 'FORBIDDEN' // 403
  | 'QUOTA_EXCEEDED' // 403, 409 or 413 that say so
  | 'NOT_FOUND' // 404, 410
  | 'CONFLICT' // 409
  | 'TOO_MANY_REQUESTS' // 429
  | 'SERVICE_FAILED' // 5xx
  | 'UNREACHABLE' // no connection: nothing was sent
  | 'CERTIFICATE_REFUSED' // TLS: not signed by who is trusted, of another name, or out of date
  | 'CONNECTION_LOST' // the request was sent, at least in part, and its answer did not come
  | 'TIMEOUT'
  | 'CANCELLED'
  | 'INVALID_ANSWER' // not JSON, not what the schema says, or too long
  | 'REDIRECTED' // an answer or a next page that leads to somewhere else
  | 'CLOSED';

export interface OpenStackErrorDetails {
  readonly code: OpenStackErrorCode;
  /** The type in the catalog: `compute`, `network`, … */
  readonly service?: string | undefined;
  readonly method?: string | undefined;
  /** Without the query. */
  readonly path?: string | undefined;
  readonly status?: number | undefined;
  /** What to look for in the service's log. */
  readonly requestId?: string | undefined;
  /** What the service says, masked. */
  readonly said?: string | undefined;
  /** The service's own name of the failure: `NetworkInUse`, `itemNotFound`. */
  readonly type?: string | undefined;
  /** What a person can do. */
  readonly hint?: string | undefined;
  /** True when trying the same again later may help. */
  readonly retryable?: boolean | undefined;
  /** True when the request may have been obeyed although it failed: look before it is sent again. */
  readonly maybeDone?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * The only error this package throws on purpose. No secret is in it: neither in its text nor in its fields nor in its
 * cause.
 */
export class OpenStackError extends Error {
  override readonly name = 'OpenStackError';
  readonly code: OpenStackErrorCode;
  readonly service: string | undefined;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly said: string | undefined;
  readonly type: string | undefined;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly maybeDone: boolean;

  constructor(message: string, details: OpenStackErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.service = details.service;
    this.method = details.method;
    this.path = details.path;
    this.status = details.status;
    this.requestId = details.requestId;
    this.said = details.said;
    this.type = details.type;
    this.hint = details.hint;
    this.retryable = details.retryable ?? false;
    this.maybeDone = details.maybeDone ?? false;
  }
}
