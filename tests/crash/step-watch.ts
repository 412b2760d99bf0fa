import pg from 'pg';

/** The steps of each workflow that do nothing but what was asked for, in their order. */
export const stepsOf = {
  create: [
    'validate',
    'make keys',
    'spawn instances',
    'wait for instances',
    'prepare instances',
    'configure instances',
    'start instances',
    'activate',
  ],
  scale: [
    'remove instances',
    'begin to add',
    'add instances',
    'wait for instances',
    'prepare instances',
    'configure instances',
    'start instances',
    'activate',
  ],
  delete: ['stop the creation', 'close access', 'delete machines', 'remove the cluster'],
} as const;
export type Kind = keyof typeof stepsOf;

/** What the engine has recorded tells in which step a workflow is: a test that kills in a step of its choice needs that at once. */
export class StepWatch {
  readonly #db: pg.Client;
  #changed: (() => void)[] = [];

  private constructor(db: pg.Client) {
    this.#db = db;
    db.on('notification', () => {
      for (const wake of this.#changed.splice(0)) wake();
    });
  }

  /** Of a database in which a controller has been started. */
  static async open(url: string): Promise<StepWatch> {
    const db = new pg.Client(url);
    await db.connect();
    await db.query(`
      create function test_step_recorded() returns trigger language plpgsql as
        'begin perform pg_notify(''test_step'', ''''); return null; end';
      create trigger test_step after insert on dbos.workflow_status execute function test_step_recorded();
      create trigger test_step after insert on dbos.operation_outputs execute function test_step_recorded();
      listen test_step`);
    return new StepWatch(db);
  }

  /** How many workflows of a kind have been begun. */
  async begun(kind: Kind): Promise<number> {
    const { rows } = await this.#db.query<{ count: number }>(
      'select count(*)::int as count from dbos.workflow_status where name = $1',
      [`${kind}-cluster`],
    );
    return rows[0]?.count ?? 0;
  }

  /** What the newest workflow of a kind is in: what it has not recorded yet; null: it is over. */
  async inFlight(kind: Kind): Promise<string | null> {
    const recorded = await this.#recorded(kind);
    return stepsOf[kind].find((step) => !recorded.includes(step)) ?? null;
  }

  /**
   * Waits until the workflow of a kind that comes after the first `begun` is in a step; false: it has passed it, or
   * `over` came before.
   */
  async reach(kind: Kind, step: string, begun: number, over: Promise<unknown>): Promise<boolean> {
    let isOver = false;
    const ended = over.then(() => {
      isOver = true;
    });
    while (!isOver) {
      const change = new Promise<void>((resolve) => this.#changed.push(resolve));
      if ((await this.begun(kind)) > begun) {
        const now = await this.inFlight(kind);
        if (now === step) return true;
        const steps: readonly string[] = stepsOf[kind];
        if (now === null || steps.indexOf(now) > steps.indexOf(step)) return false;
      }
      await Promise.race([change, ended]);
    }
    return false;
  }

  /** Milliseconds that a step took the last time; 0: nobody has seen that yet. */
  async lasted(kind: Kind, step: string): Promise<number> {
    const { rows } = await this.#db.query<{ ms: string | null }>(
      `select done.completed_at_epoch_ms - done.started_at_epoch_ms as ms
         from dbos.operation_outputs as done join dbos.workflow_status as workflow
         using (workflow_uuid) where workflow.name = $1 and done.function_name = $2
         order by done.completed_at_epoch_ms desc limit 1`,
      [`${kind}-cluster`, step],
    );
    return Number(rows[0]?.ms ?? 0);
  }

  async #recorded(kind: Kind): Promise<readonly string[]> {
    const { rows } = await this.#db.query<{ name: string | null }>(
      `select function_name as name from dbos.operation_outputs where workflow_uuid =
         (select workflow_uuid from dbos.workflow_status where name = $1 order by created_at desc limit 1)`,
      [`${kind}-cluster`],
    );
    return rows.map(({ name }) => name ?? '');
  }

  async close(): Promise<void> {
    await this.#db.end();
  }
}
