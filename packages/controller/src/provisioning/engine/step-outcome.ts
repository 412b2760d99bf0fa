/**
 * What a step left behind, as JSON. Failures are stored as values: a workflow then sees the same error when it runs on
 * after a crash as it saw the first time, with its code and hint.
 */
export type StepOutcome = { readonly value: unknown } | { readonly failure: StepFailure };

interface StepFailure {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly hint?: string;
  readonly retryable: boolean;
  readonly details?: unknown;
}

/** A step failed. Carries what the original error told, also after a restart. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly step: string;
  /** `name` of the original error. */
  readonly kind: string;
  readonly code: string | undefined;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  /** JSON of the original error (`toJSON`), e.g. hop and phase. */
  readonly details: unknown;

  constructor(step: string, failure: StepFailure) {
    super(failure.message);
    this.step = step;
    this.kind = failure.name;
    this.code = failure.code;
    this.hint = failure.hint;
    this.retryable = failure.retryable;
    this.details = failure.details;
  }
}

/** Through JSON at once, so that the first run gets what every later one gets. */
export function succeeded(value: unknown): StepOutcome {
  return { value: value === undefined ? null : JSON.parse(JSON.stringify(value)) };
}

export function failed(thrown: unknown): StepOutcome {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { code, hint, retryable, toJSON } = error as Error & Record<string, unknown>;
  return {
    failure: {
      name: error.name,
      message: error.message,
      ...(typeof code === 'string' ? { code } : {}),
      ...(typeof hint === 'string' ? { hint } : {}),
      retryable: retryable === true,
      ...(typeof toJSON === 'function' ? { details: JSON.parse(JSON.stringify(error)) } : {}),
    },
  };
}

export function settle<T>(step: string, outcome: StepOutcome): T {
  if ('failure' in outcome) throw new StepError(step, outcome.failure);
  return outcome.value as T;
}
