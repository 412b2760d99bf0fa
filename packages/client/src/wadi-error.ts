/** What went wrong when no answer of the controller says it. */
export type TransportErrorName =
  | 'CONTROLLER_UNREACHABLE' // no connection, or it broke before the answer was complete, also behind a balancer
  | 'TIMEOUT' // the call's deadline passed
  | 'CANCELLED' // the caller's AbortSignal
  | 'BAD_ANSWER'; // something answered that is not Wadi

export interface WadiErrorDetails {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The controller's `error_name`, e.g. `INVALID_REFERENCE`, or one of TransportErrorName. */
  readonly errorName: string;
  readonly errorId?: string | undefined;
  readonly hint?: string | undefined;
  /** What of the request's body is wrong: `node_groups[0][count]`. */
  readonly fields?: readonly string[] | undefined;
  /** True when nothing can have happened and the same call may work later. */
  readonly retryable?: boolean | undefined;
  /** The answer's JSON as it came, for fields this class does not know. */
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/**
 * The only error this package throws on purpose. Branch on `errorName` or `status`, never on the message.
 */
export class WadiError extends Error {
  override readonly name = 'WadiError';
  readonly status: number;
  readonly errorName: string;
  readonly errorId: string | undefined;
  readonly hint: string | undefined;
  readonly fields: readonly string[];
  readonly retryable: boolean;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(message: string, details: WadiErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status;
    this.errorName = details.errorName;
    this.errorId = details.errorId;
    this.hint = details.hint;
    this.fields = details.fields ?? [];
    this.retryable = details.retryable ?? false;
    this.body = details.body ?? {};
  }
}

/** Reads Sahara's error shape, or the router's, or whatever a proxy in between made of it. */
export function errorFromAnswer(status: number, text: string): WadiError {
  const body = parseObject(text);
  if (isOfBalancer(status, body)) return controllerLost(status);
  const inner = isObject(body.error) ? body.error : {};
  const message = firstText(body.error_message, body.message, inner.message) ?? `HTTP ${status}`;
  return new WadiError(withoutErrorId(message), {
    status,
    errorName: firstText(body.error_name) ?? nameOfStatus(status),
    errorId: firstText(body.error_id) ?? /Error ID: (\S+)/.exec(message)?.[1],
    hint: firstText(body.hint),
    fields: Array.isArray(body.fields) ? body.fields.filter((field) => typeof field === 'string') : [],
    retryable: typeof body.retryable === 'boolean' ? body.retryable : status === 503,
    body,
  });
}

/** What a balancer says of itself when it has no controller, or lost it in the middle; ours name their errors. */
function isOfBalancer(status: number, body: Readonly<Record<string, unknown>>): boolean {
  return [502, 503, 504].includes(status) && firstText(body.error_name) === undefined;
}

function controllerLost(status: number): WadiError {
  return new WadiError(
    `what is in front of the controllers answered ${status}: it reached none, or lost it before its answer`,
    {
      status,
      errorName: 'CONTROLLER_UNREACHABLE',
      hint: 'Does a controller run behind it? What was asked for may have been done; look before you ask again.',
      retryable: status === 503,
    },
  );
}

/** Sahara puts the id into the text; people get it apart. */
function withoutErrorId(message: string): string {
  return message.replace(/\n*Error ID: \S+\s*/g, '').trim();
}

function nameOfStatus(status: number): string {
  const names: Record<number, string> = { 401: 'UNAUTHORIZED', 403: 'FORBIDDEN', 404: 'NOT_FOUND' };
  return names[status] ?? `HTTP_${status}`;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value !== '');
}
