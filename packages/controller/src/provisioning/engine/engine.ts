/**
 * The durable engine: a workflow that was started is finished, whatever dies in between. Completed steps are not
 * run again; the step that was under way when a controller died is, so every step is find-or-create.
 */
export interface Engine {
  /** Registers a workflow; all of them before `launch`. */
  register(name: string, workflow: Workflow): void;
  /** Connects, takes over what dead controllers left, begins to work. */
  launch(): Promise<void>;
  /**
   * Starts a workflow; the same id is the same workflow, so a repeated call does nothing, but for one that failed: that
   * is begun anew.
   */
  start(name: string, id: string, input: WorkflowInput): Promise<void>;
  /** Stops it before its next step; resolves at once. */
  cancel(id: string): Promise<void>;
  /** Resolves when no controller that lives is at it any more: what was cancelled has let go. */
  settled(id: string): Promise<void>;
  /** Lets steps that are under way end (for at most `graceMs` milliseconds), then disconnects. */
  close(graceMs?: number): Promise<void>;
}

/** Why a step's signal is aborted when its controller stops: the step is not to be undone, it goes on elsewhere. */
export const engineCloses = Symbol('the engine closes');

/** Ids only, never secrets: inputs, step results and errors are stored in clear text. */
export type WorkflowInput = Readonly<Record<string, string | number | boolean | null>>;

export type Workflow = (context: WorkflowContext, input: WorkflowInput) => Promise<void>;

export interface WorkflowContext {
  readonly workflowId: string;
  /**
   * Runs `work` once to its end and remembers its JSON result. Names are stable, unique within the workflow; order
   * and names may depend only on the input and on results of earlier steps.
   */
  step<T>(name: string, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}
