import { expect, it } from 'vitest';
import { connectionOf, findDatabase } from './find-database.ts';

it.each([
  ['[database]\nconnection = mysql://a\n', 'mysql://a'],
  ['[DEFAULT]\nconnection = wrong\n[database]\n# connection = old\nconnection=mysql://a', 'mysql://a'],
  ['[database]\nconnection = mysql://a\nconnection = mysql://b\n[other]\nconnection = c\n', 'mysql://b'],
  ['[database]\r\nconnection: "mysql://a"\r\n', 'mysql://a'],
  ['[database]\nconnection =\n', undefined],
  ['[database]\nmysql_connection = x\n', undefined],
  ['', undefined],
])('of a configuration the last connection of its section counts: %j', (text, wanted) => {
  expect(connectionOf(text)).toBe(wanted);
});

it('the environment counts where no file is named', async () => {
  const env = { WADI_SAHARA_DATABASE: 'mysql://u:p@db/sahara' };
  expect(await findDatabase(undefined, env)).toMatchObject({ host: 'db', user: 'u' });
  await expect(findDatabase('/nowhere/sahara.conf', env)).rejects.toThrow(
    'cannot read /nowhere/sahara.conf: ENOENT',
  );
});
