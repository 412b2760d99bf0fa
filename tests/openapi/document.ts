import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly object[];
  readonly 'x-wadi-right'?: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly $ref?: string; readonly content?: Readonly<Record<string, object>> }>
  >;
}

export interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly responses: Readonly<Record<string, object>>;
  };
}

export interface Place {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

export function operationsOf({ paths }: OpenApi): Place[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

/** What may be sent and answered, by the document and nothing else. */
export class Contract {
  readonly #document: OpenApi;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });

  constructor(document: OpenApi) {
    this.#document = document;
    this.#ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i);
    this.#ajv.addSchema(withoutRoom(document) as object, 'openapi');
  }

  /** The operation of a request; of two paths that fit the one with fewer parameters. */
  find(method: string, target: string): Place {
    const path = target.split('?', 1)[0] ?? '';
    const fitting = operationsOf(this.#document)
      .filter((place) => place.method === method && patternOf(place.path).test(path))
      .sort((a, b) => a.path.split('{').length - b.path.split('{').length);
    const [found] = fitting;
    if (!found) throw new Error(`${method} ${path} is not in the document`);
    return found;
  }

  /** What is wrong with a body that was sent; none: nothing. */
  requestProblems({ method, path, operation }: Place, body: unknown): string[] {
    if (!operation.requestBody) return ['no body is documented'];
    const pointer = [
      'paths',
      path,
      method.toLowerCase(),
      'requestBody',
      'content',
      'application/json',
      'schema',
    ];
    return this.#problems(pointer, body);
  }

  /** What is wrong with an answer, of which `body` is what was parsed of it; null: it has none. */
  answerProblems(
    { method, path, operation }: Place,
    status: number,
    mediaType: string,
    body: unknown,
  ): string[] {
    const answer = operation.responses[status];
    if (!answer) return [`the status ${status} is not documented`];
    const own = ['paths', path, method.toLowerCase(), 'responses', String(status)];
    const pointer = answer.$ref ? answer.$ref.slice(2).split('/') : own;
    const content = (answer.$ref ? this.#at(pointer) : answer).content;
    if (!content) return body === null ? [] : ['a body is not documented'];
    const documented = content[mediaType] ?? content['*/*'];
    if (!documented) return [`the media type ${mediaType} is not documented`];
    if (!('schema' in documented)) return [];
    return this.#problems([...pointer, 'content', mediaType, 'schema'], body);
  }

  #at(pointer: readonly string[]): { readonly content?: Readonly<Record<string, object>> } {
    return pointer.reduce(
      (value, part) => (value as Record<string, object>)[part] ?? {},
      this.#document as object,
    );
  }

  #problems(pointer: readonly string[], value: unknown): string[] {
    const escaped = pointer.map((part) =>
      encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')),
    );
    const validate = this.#ajv.getSchema(`openapi#/${escaped.join('/')}`) as ValidateFunction | undefined;
    if (!validate) throw new Error(`nothing is at ${pointer.join(' ')}`);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }
}

/** The document says what is there and lets more be added one day; here nothing may be there that it does not say. */
function withoutRoom(document: OpenApi): unknown {
  const close = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(close);
    if (typeof value !== 'object' || value === null) return value;
    const closed = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, close(item)]));
    return closed.type === 'object' && closed.properties
      ? { additionalProperties: false, ...closed }
      : closed;
  };
  // Errors say what else they know, and this document is described by a standard of its own.
  const { Error: error, OpenApiDocument: self, ...schemas } = document.components.schemas;
  const closed = close(schemas) as object;
  const components = { ...document.components, schemas: { ...closed, Error: error, OpenApiDocument: self } };
  return { ...(close(document) as object), components };
}

function patternOf(path: string): RegExp {
  const parts = path.split('/').map((part) => {
    if (part === '{path}') return '.*';
    return part.startsWith('{') ? '[^/]+' : part.replaceAll('.', '\\.');
  });
  return new RegExp(`^${parts.join('/')}$`);
}
