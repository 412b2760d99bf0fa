import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createDatabase } from '../set-up/database.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import {
  launchController,
  newDataDirectory,
  plantMasterKeys,
  startController,
} from '../set-up/start-controller.ts';

/** A data directory, and settings beside it. */
function setUp(settings: (folder: string) => string) {
  const data = newDataDirectory();
  const folder = path.dirname(data);
  const config = path.join(folder, 'wadi.yaml');
  writeFileSync(config, settings(folder));
  return { data, folder, args: ['--config', config] };
}

function stateOf({ id, state }: { id: string; state: string }): string {
  return `${id} ${state}`;
}

function newKey(): string {
  const key = randomBytes(32).toString('base64');
  plantSecret('master-key', key);
  return key;
}

function program(folder: string, script: string): string {
  const file = path.join(folder, 'give-key');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o700);
  return file;
}

test('a file elsewhere is made at the first start, and nothing of it is in the data directory', async () => {
  const { data, folder, args } = setUp((at) => `master_key_file: ${at}/elsewhere.key\n`);
  const first = await startController({ data, args });
  const list = await first.request('GET', '/v2/keys');
  const [id] = readFileSync(`${folder}/elsewhere.key`, 'utf8').split(' ');
  expect(list.body.keys).toEqual([{ id, fingerprint: id, state: 'current', secrets: 0 }]);
  expect(list.body.controllers[0].source).toBe(`file ${folder}/elsewhere.key`);
  expect(existsSync(`${data}/master.key`)).toBe(false);
  await first.stop();
});

test('a key file that is gone is not replaced by a new one', async () => {
  const { url } = await createDatabase();
  const { data, args } = setUp((at) => `master_key_file: ${at}/elsewhere.key\n`);
  await (await startController({ data, args, database: { url } })).stop();
  const other = setUp((at) => `master_key_file: ${at}/lost.key\n`);
  const launched = launchController(other, url);
  expect(await launched.exited).toBe(1);
  expect(launched.output()).toContain('lost.key: there is no such file with master keys');
  expect(existsSync(`${other.folder}/lost.key`)).toBe(false);
});

test('a key file that others can read is refused', async () => {
  const { data, folder, args } = setUp((at) => `master_key_file: ${at}/elsewhere.key\n`);
  writeFileSync(`${folder}/elsewhere.key`, `${newKey()}\n`, { mode: 0o644 });
  const launched = launchController({ data, args }, (await createDatabase()).url);
  expect(await launched.exited).toBe(1);
  expect(launched.output()).toContain('elsewhere.key can be read by others (mode 644): chmod 600 it');
});

test('a credential of systemd opens what is stored, by its key alone', async () => {
  const { data, folder, args } = setUp(() => 'master_key_credential: wadi.key\n');
  mkdirSync(`${folder}/credentials`);
  writeFileSync(`${folder}/credentials/wadi.key`, `${newKey()}\n`, { mode: 0o440 });
  const env = { CREDENTIALS_DIRECTORY: `${folder}/credentials` };
  const controller = await startController({ data, args, env });
  const { keys, controllers } = (await controller.request('GET', '/v2/keys')).body;
  expect(keys).toMatchObject([{ id: expect.stringMatching(/^[0-9a-f]{16}$/), state: 'current' }]);
  expect(controllers[0].source).toBe(`credential ${folder}/credentials/wadi.key`);
  const refused = await controller.request('POST', '/v2/keys/rotate', { replaces: keys[0].id });
  expect([refused.status, refused.body.hint]).toEqual([
    409,
    expect.stringContaining('start every controller'),
  ]);
  await controller.stop();

  const old = readFileSync(`${folder}/credentials/wadi.key`, 'utf8');
  rmSync(`${folder}/credentials/wadi.key`);
  writeFileSync(`${folder}/credentials/wadi.key`, `${newKey()}\n${old}`, { mode: 0o440 });
  const again = await startController({ data, args, env, database: { url: controller.databaseUrl ?? '' } });
  const states = async () => (await again.request('GET', '/v2/keys')).body.keys.map(stateOf);
  expect(await states()).toEqual([`${keys[0].id} current`, expect.stringMatching(/ unused$/)]);
  const rotated = await again.request('POST', '/v2/keys/rotate', { replaces: keys[0].id });
  expect([rotated.status, (await states())[0]]).toEqual([202, expect.not.stringContaining(keys[0].id)]);
  await again.stop();

  const launched = launchController({ data, args }, (await createDatabase()).url);
  expect(await launched.exited).toBe(2);
  expect(launched.output()).toContain('LoadCredential=wadi.key');
});

test('controllers that share a file share what one of them writes into it', async () => {
  const { data, folder, args } = setUp((at) => `master_key_file: ${at}/shared.key\n`);
  const one = await startController({ data, args });
  const other = await startController({
    args: ['--config', path.join(folder, 'wadi.yaml')],
    database: { url: one.databaseUrl ?? '' },
  });
  const [{ id }] = (await one.request('GET', '/v2/keys')).body.keys;
  // Both are asked at once; one of them is obeyed.
  const answers = await Promise.all(
    [one, other].map((each) => each.request('POST', '/v2/keys/rotate', { replaces: id })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
  const lines = readFileSync(`${folder}/shared.key`, 'utf8');
  plantMasterKeys(lines);
  expect(lines.trim().split('\n')).toHaveLength(2);
  const [now] = (await other.request('GET', '/v2/keys')).body.keys;
  expect([now.id, now.state]).toEqual([lines.split(' ', 1)[0], 'current']);
  await one.stop();
  await other.stop();
});

test('a command gives the key, and its next one is taken into use without a new start', async () => {
  const { data, folder, args } = setUp((at) => `master_key_command: [${at}/give-key, "${at}/a b"]\n`);
  const keys = path.join(folder, 'a b');
  program(folder, 'cat "$1"');
  const old = newKey();
  writeFileSync(keys, `${old}\n`);
  const controller = await startController({ data, args });
  const before = (await controller.request('GET', '/v2/keys')).body.keys[0].id;
  expect((await controller.request('POST', '/v2/keys/rotate', { replaces: before })).status).toBe(409);
  writeFileSync(keys, `${newKey()}\n${old}\n`);
  const rotated = await controller.request('POST', '/v2/keys/rotate', { replaces: before });
  expect([rotated.status, rotated.body.keys[0].state]).toEqual([202, 'current']);
  expect(rotated.body.keys[0].id).not.toBe(before);

  program(folder, 'cat "$1"; exit 7');
  const failed = await controller.request('POST', '/v2/keys/rotate', { replaces: rotated.body.keys[0].id });
  expect(failed.status).toBe(409);
  expect(failed.body.error_message).toContain(`${folder}/give-key ended with status 7`);
  await controller.stop();
});

test.each([
  ['two sources', 'master_key_file: a\nmaster_key_credential: b\n', 'exclude each other'],
  [
    'a program that is looked for',
    'master_key_command: [cat, /etc/key]\n',
    "'cat' must be named by its absolute path",
  ],
  ['a command without a program', 'master_key_command: []\n', 'master_key_command'],
  ['a command for a shell', 'master_key_command: cat /etc/key\n', 'master_key_command'],
  ['a credential elsewhere', 'master_key_credential: ../key\n', 'master_key_credential'],
])('%s is refused', async (_, settings, problem) => {
  const { data, args } = setUp(() => settings);
  const launched = launchController({ data, args });
  expect(await launched.exited).toBe(2);
  expect(launched.output()).toContain(problem);
});
