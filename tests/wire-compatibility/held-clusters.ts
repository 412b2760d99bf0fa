import pg from 'pg';
import type { Connection } from '../../packages/controller/src/storage/database.ts';

/** A moment in which a cluster stays; `CHECKING` is that of its verification. */
export interface Hold {
  readonly cluster: string;
  readonly status: string;
}

/**
 * A cluster that is held goes as far as its status and no further: the database lets nobody write what would come next.
 * All answers are Wadi's own; only the moment is chosen. Statements must be allowed to take that long.
 */
export class HeldClusters {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** The tables have to be there. */
  static async open(connection: Exclude<Connection, { url: string }>): Promise<HeldClusters> {
    const { socketDirectory: host, user, database } = connection;
    const client = new pg.Client({ host, user, database });
    await client.connect();
    await client.query(gates);
    return new HeldClusters(client);
  }

  async hold({ cluster, status }: Hold): Promise<void> {
    await this.#client.query('insert into recording.held values ($1, $2)', [cluster, status]);
  }

  async release({ cluster, status }: Hold): Promise<void> {
    await this.#client.query('delete from recording.held where cluster = $1 and status = $2', [
      cluster,
      status,
    ]);
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}

/** In a transaction that reads what is committed, every look of a function's loop is a new one. */
const gates = `
  create schema recording;
  create table recording.held (cluster text, status text);
  create function recording.wait(name text, at text) returns void language plpgsql as $$
    begin
      while exists (select from recording.held where cluster = name and status = at) loop
        perform pg_sleep(0.02);
      end loop;
    end $$;

  create function recording.next_status() returns trigger language plpgsql as $$
    begin
      perform recording.wait(new.name, old.status);
      return new;
    end $$;
  create trigger recording before update of status on cluster for each row
    when (old.status <> new.status and new.status not in ('Deleting', 'Error'))
    execute function recording.next_status();

  create function recording.verified() returns trigger language plpgsql as $$
    begin
      perform recording.wait(name, old.status) from cluster where id = new.cluster_id;
      return new;
    end $$;
  create trigger recording before update of status on verification for each row
    execute function recording.verified();

  create function recording.machine() returns trigger language plpgsql as $$
    begin
      perform recording.wait(name, status) from cluster where id = old.cluster_id;
      return coalesce(new, old);
    end $$;
  create trigger recording_made before update of cloud_instance_id on instance for each row
    execute function recording.machine();
  create trigger recording_deleted before delete on instance for each row
    execute function recording.machine();
`;
