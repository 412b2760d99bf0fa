import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStorage, type Storage } from '../set-up/open-storage.ts';
import { plantSecret } from '../set-up/run-folder.ts';

let storage: Storage;
beforeAll(async () => {
  storage = await openStorage();
});
afterAll(async () => {
  await storage?.close();
});

test('what is put is got back, text and bytes, and the database never sees it', async () => {
  const text = `a private key\nwith lines ${randomUUID()}`;
  plantSecret('secret put into the database', text);
  const id = await storage.secrets.put('test', null, text);
  expect((await storage.secrets.get(id)).toString()).toBe(text);
  const bytes = Buffer.from([0, 255, 1, 254]);
  expect(await storage.secrets.get(await storage.secrets.put('test', null, bytes))).toEqual(bytes);
  expect(await storage.secrets.get(await storage.secrets.put('test', null, ''))).toEqual(Buffer.alloc(0));
});

test('deleting is final, and repeating it succeeds', async () => {
  const id = await storage.secrets.put('test', null, 'gone');
  await storage.secrets.delete(id);
  await storage.secrets.delete(id);
  await expect(storage.secrets.get(id)).rejects.toThrow(id);
});

test('inside a transaction that fails nothing is stored', async () => {
  let id = '';
  await storage.db
    .transaction()
    .execute(async (tx) => {
      id = await storage.secrets.put('test', null, 'never', tx);
      throw new Error('no');
    })
    .catch(() => {});
  await expect(storage.secrets.get(id)).rejects.toThrow('does not exist');
});

test.each([
  ['a changed byte', `ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1)`],
  [
    'a changed tag',
    `ciphertext = set_byte(ciphertext, length(ciphertext) - 1, get_byte(ciphertext, length(ciphertext) - 1) # 1)`,
  ],
  ['a changed nonce', `nonce = set_byte(nonce, 0, get_byte(nonce, 0) # 1)`],
  ['another purpose', `purpose = 'another'`],
  ['another format', 'format = 1'],
  ['a cut ciphertext', `ciphertext = substring(ciphertext for 15)`],
])('%s is noticed', async (_, change) => {
  const id = await storage.secrets.put('test', null, 'precious');
  await sql`update secret set ${sql.raw(change)} where id = ${id}`.execute(storage.db);
  await expect(storage.secrets.get(id)).rejects.toThrow('was changed');
});

test('a ciphertext that was moved to another record does not open there', async () => {
  const [from, to] = [
    await storage.secrets.put('test', null, 'mine'),
    await storage.secrets.put('test', null, 'yours'),
  ];
  await sql`update secret t set ciphertext = f.ciphertext, nonce = f.nonce from secret f
    where f.id = ${from} and t.id = ${to}`.execute(storage.db);
  await expect(storage.secrets.get(to)).rejects.toThrow('was changed');
});
