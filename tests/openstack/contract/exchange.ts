/** What of a request a service goes by, and a recording holds. */
export interface RecordedRequest {
  readonly method: string;
  /** From the service's name on, with the query: `/compute/v2.1/servers?name=one`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed where it was sent as JSON; null: none. */
  readonly body: unknown;
}

export interface RecordedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Exchange {
  readonly request: RecordedRequest;
  readonly answer: RecordedAnswer;
}

/** Headers that the client reads, or that the service goes by. */
const requestHeaders = ['accept', 'content-type', 'openstack-api-version', 'x-auth-token'];
const answerHeaders = [
  'content-type',
  'openstack-api-version',
  'retry-after',
  'x-openstack-request-id',
  'x-subject-token',
];

/** Stands in recordings for the address through which all services are asked. */
export const cloudOrigin = 'http://cloud.example';

type AnyHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export function recordRequest(
  method: string,
  path: string,
  headers: AnyHeaders,
  text: string,
): RecordedRequest {
  return { method, path, headers: pick(headers, requestHeaders), body: parse(headers, text) };
}

export function recordAnswer(status: number, headers: AnyHeaders, text: string): RecordedAnswer {
  return { status, headers: pick(headers, answerHeaders), body: parse(headers, text) };
}

function pick(headers: AnyHeaders, names: readonly string[]): Record<string, string> {
  const found = names.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]]));
  return Object.fromEntries(found);
}

function parse(headers: AnyHeaders, text: string): unknown {
  if (text === '') return null;
  return String(headers['content-type']).startsWith('application/json') ? JSON.parse(text) : text;
}
