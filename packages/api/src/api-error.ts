import type { FieldPath } from './field-path.ts';

/** What may accompany an error besides its text. */
export interface ApiErrorOptions {
  /** What a person can do about it. */
  readonly hint?: string;
  /** The same request may succeed later without a change. Default false. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
  /** What of the request's body is wrong; many texts of the contract name only the value. */
  readonly fields?: readonly FieldPath[];
  /** Further keys of the answer's body, e.g. `min_version`, `hop`, `phase`. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Sahara writes the error's id into the text of most errors, not of all. Default true. */
  readonly idInMessage?: boolean;
}

/**
 * A failure with a place in the contract: thrown wherever it is noticed, turned into HTTP by the controller's
 * `http/errors.ts` only.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status. */
  readonly status: number;
  /** Sahara's `error_name`; for bad `limit` and `sort_by` it is the number 400. */
  readonly errorName: string | number;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly fields: readonly FieldPath[];
  readonly details: Readonly<Record<string, unknown>>;
  readonly idInMessage: boolean;

  constructor(status: number, errorName: string | number, message: string, options: ApiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.errorName = errorName;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
    this.fields = options.fields ?? [];
    this.details = options.details ?? {};
    this.idInMessage = options.idInMessage ?? true;
  }
}
