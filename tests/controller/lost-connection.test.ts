import { expect, it } from 'vitest';
import { openPool } from '../../packages/controller/src/storage/database.ts';
import { createDatabase } from '../set-up/database.ts';

it('a connection that is lost while it is in use, and asked nothing, ends nothing else', async () => {
  const { url } = await createDatabase();
  const pool = openPool({ url }, 2, () => {});
  const held = await pool.connect();
  expect(held.listenerCount('error')).toBeGreaterThan(0);
  const { rows } = await held.query('select pg_backend_pid() as pid');
  const over = new Promise((resolve) => held.once('end', resolve));
  await pool.query('select pg_terminate_backend($1)', [rows[0].pid]);
  await over;
  await expect(held.query('select 1')).rejects.toThrow();
  held.release(true);
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await pool.end();
});
