import pg from 'pg';

/** Every value of every table in every schema but the system's; bytea as its bytes. */
export async function dumpDatabase(config: pg.ClientConfig): Promise<Buffer> {
  const client = new pg.Client(config);
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
        where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const pieces: (string | Buffer)[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query(`select * from ${name}`);
      pieces.push(`\n== ${name}: ${rows.length} rows\n`);
      for (const row of rows)
        for (const [column, value] of Object.entries(row)) {
          if (value === null) continue;
          pieces.push(`\n${column}: `, Buffer.isBuffer(value) ? value : text(value));
        }
    }
    return Buffer.concat(pieces.map((piece) => Buffer.from(piece as string)));
  } finally {
    await client.end().catch(() => {});
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export async function databaseNames(config: pg.ClientConfig): Promise<string[]> {
  const client = new pg.Client(config);
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_database where datallowconn and not datistemplate',
    );
    return rows.map(({ datname }) => datname);
  } finally {
    await client.end().catch(() => {});
  }
}
