import { randomUUID } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MasterKeyList } from '@wadi/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseMasterKeys } from '../../packages/controller/src/storage/keys/master-key.ts';
import { runWadi } from '../cli/run-wadi.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import {
  type Controller,
  launchController,
  newDataDirectory,
  plantMasterKeys,
  requests,
  startController,
} from '../set-up/start-controller.ts';
import { type KeptSecrets, keepSecrets } from './kept-secrets.ts';

let controller: Controller;
let kept: KeptSecrets;

beforeAll(async () => {
  controller = await startController({ args: ['--allow-network', '127.0.0.0/8'] });
  kept = await keepSecrets(controller, 300);
});
afterAll(async () => {
  await kept?.close();
  await controller?.stop();
});

const keyFile = (of: { data: string } = controller) => path.join(of.data, 'master.key');

async function keys(of: Controller = controller): Promise<MasterKeyList> {
  return (await of.request('GET', '/v2/keys')).body;
}

async function currentKey(of: Controller = controller): Promise<string> {
  return (await keys(of)).keys.find(({ state }) => state === 'current')?.id ?? '';
}

/** On the same database. */
async function another(keyLines: string | null): Promise<Controller> {
  const data = newDataDirectory();
  if (keyLines !== null) writeFileSync(keyFile({ data }), keyLines, { mode: 0o600 });
  return await onItsData(data);
}

function onItsData(data = controller.data): Promise<Controller> {
  const database = { url: controller.databaseUrl ?? '' };
  return startController({ data, database, args: ['--allow-network', '127.0.0.0/8'] });
}

/** By the command line, which must end well. */
async function rotate(...more: string[]): Promise<MasterKeyList> {
  const { code, stdout, stderr } = await runWadi(['--json', 'keys', 'rotate-master', ...more], {
    data: controller.data,
  });
  expect([code, stderr]).toEqual([0, expect.stringContaining('secrets are encrypted with key')]);
  plantMasterKeys(readFileSync(keyFile(), 'utf8'));
  return JSON.parse(stdout);
}

test('a rotation gives every secret to a new key, is audited, and is shown without any key', async () => {
  const old = readFileSync(keyFile(), 'utf8');
  const before = await currentKey();
  const end = await rotate();
  const [first, second] = parseMasterKeys(readFileSync(keyFile(), 'utf8'), 'file');
  expect(second?.id).toBe(before);
  expect(end).toMatchObject({ secrets: kept.count, remaining: 0, unreadable: 0 });
  expect(end.keys).toEqual([
    { id: first?.id, fingerprint: first?.fingerprint, state: 'current', secrets: kept.count },
    { id: before, fingerprint: second?.fingerprint, state: 'unused', secrets: 0 },
  ]);
  await kept.expectAll(readFileSync(keyFile(), 'utf8'));
  // Nothing opens with the old key alone, whatever its row says that it was encrypted with.
  expect(await kept.opened(old)).toEqual([]);

  const { code, stdout } = await runWadi(['keys', 'list'], { data: controller.data });
  expect([code, stdout]).toEqual([
    0,
    expect.stringContaining(`${first?.id}  ${first?.id}  current  ${kept.count}`),
  ]);
  const audit = String((await controller.request('GET', '/v2/audit')).body);
  expect(audit).toMatch(new RegExp(`"action":"master-key.create".*"key":"${first?.id}"`));
  expect(audit).toMatch(new RegExp(`"action":"master-key.rotate".*"from":"${before}","to":"${first?.id}"`));
  expect(audit).toMatch(new RegExp(`"action":"master-key.retire".*"key":"${before}"`));

  // The old one may go from the file.
  writeFileSync(keyFile(), readFileSync(keyFile(), 'utf8').split('\n', 1)[0] ?? '');
  await controller.stop();
  controller = await onItsData();
  expect((await keys()).keys).toMatchObject([{ id: first?.id, state: 'current' }]);
});

test('a request that is repeated replaces nothing a second time', async () => {
  const before = await currentKey();
  expect((await controller.request('POST', '/v2/keys/rotate', { replaces: before })).status).toBe(202);
  plantMasterKeys(readFileSync(keyFile(), 'utf8'));
  const again = await controller.request('POST', '/v2/keys/rotate', { replaces: before });
  expect([again.status, again.body.error_message]).toEqual([
    409,
    expect.stringContaining('is not the current one'),
  ]);
  expect(parseMasterKeys(readFileSync(keyFile(), 'utf8'), 'file')).toHaveLength(2);
  await rotate('--replaces', before);
  expect(parseMasterKeys(readFileSync(keyFile(), 'utf8'), 'file')).toHaveLength(2);
  const unknown = await runWadi(['keys', 'rotate-master', '--replaces', '0123'], { data: controller.data });
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('no controller knows')]);
});

test('a controller that is killed in the middle leaves secrets that all open, and the repeated command ends the work', async () => {
  // The last one is held, so that the work cannot end before the controller is killed.
  const held = await kept.hold();
  const before = await currentKey();
  const running = runWadi(['keys', 'rotate-master'], { data: controller.data });
  for (;;) {
    const { keys: now, secrets, remaining } = await keys();
    if (now[0]?.id !== before && remaining < secrets) break;
    await sleep(20);
  }
  await controller.kill();
  plantMasterKeys(readFileSync(keyFile(), 'utf8'));
  await held.release();
  expect((await running).code).toBe(4);
  expect(await kept.keyIds()).toContain(before);
  await kept.expectAll(readFileSync(keyFile(), 'utf8'));

  controller = await onItsData();
  const end = await rotate('--replaces', before);
  expect(end.remaining).toBe(0);
  expect(parseMasterKeys(readFileSync(keyFile(), 'utf8'), 'file')[0]?.id).toBe(end.keys[0]?.id);
  await kept.expectAll(readFileSync(keyFile(), 'utf8'));
  expect(await kept.keyIds()).toEqual([end.keys[0]?.id]);
});

test('secrets are stored and read all the time while keys change', async () => {
  let over = false;
  let stored = 0;
  const storing = (async () => {
    for (; !over; stored++) {
      await kept.addThrough(controller);
      await sleep(20);
    }
  })();
  for (let round = 0; round < 2; round++) await rotate();
  over = true;
  await storing;
  expect(stored).toBeGreaterThan(2);
  await kept.expectAll(readFileSync(keyFile(), 'utf8'));
});

describe('several controllers', () => {
  test('one that does not know the new key is named, nothing changes; when it knows it, both go on', async () => {
    const second = await another(readFileSync(keyFile(), 'utf8'));
    try {
      const before = await currentKey();
      const refused = await runWadi(['keys', 'rotate-master'], { data: controller.data });
      expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining(keyFile(second))]);
      expect(await kept.keyIds()).toEqual([before]);
      expect(await currentKey(second)).toBe(before);

      copyFileSync(keyFile(), keyFile(second));
      const made = parseMasterKeys(readFileSync(keyFile(), 'utf8'), 'file')[0]?.id;
      // The key that is there already is taken, and no further one made.
      expect((await rotate()).keys[0]?.id).toBe(made);
      for (const each of [controller, second]) expect(await currentKey(each)).toBe(made);
      await kept.addThrough(second);
      await kept.expectAll(readFileSync(keyFile(), 'utf8'));
    } finally {
      await second.stop();
    }
  });

  test('one that starts later without the current key is refused before it does anything', async () => {
    const before = await currentKey();
    await expect(another(null)).rejects.toThrow('there is no such file with master keys');
    const other = `${randomUUID().replaceAll('-', '').slice(0, 8)} ${Buffer.alloc(32, 9).toString('base64')}\n`;
    await expect(another(other)).rejects.toThrow(`master key ${before}, which is not in file`);
  });
});

test('a secret that was moved or changed is named and counted, keeps the old key, and holds nothing else up', async () => {
  const restore = await kept.swapTwo();
  const { code, stdout, stderr } = await runWadi(['--json', 'keys', 'rotate-master'], {
    data: controller.data,
  });
  plantMasterKeys(readFileSync(keyFile(), 'utf8'));
  expect([code, stderr]).toEqual([1, expect.stringContaining('2 secrets do not open')]);
  expect(JSON.parse(stdout)).toMatchObject({ remaining: 2, unreadable: 2 });
  await restore();
  await rotate();
  await kept.expectAll(readFileSync(keyFile(), 'utf8'));
});

test('two keys of one name are told apart before anything is encrypted with the wrong one', async () => {
  const named = (byte: number) => `deadbeef ${Buffer.alloc(32, byte).toString('base64')}\n`;
  const data = newDataDirectory();
  writeFileSync(keyFile({ data }), named(7), { mode: 0o600 });
  const first = await startController({ data });
  const other = newDataDirectory();
  writeFileSync(keyFile({ data: other }), named(8), { mode: 0o600 });
  const launched = launchController({ data: other }, first.databaseUrl);
  expect(await launched.exited).toBe(1);
  expect(launched.output()).toContain('its master key deadbeef is another one');
  await first.stop();
});

test('only an admin of the project default sees master keys and changes them', async () => {
  await controller.request('POST', '/v2/projects', { id: 'tenant' });
  for (const role of ['reader', 'member', 'admin']) {
    const project = role === 'admin' ? 'tenant' : 'default';
    const made = await controller.request('POST', '/v2/tokens', { name: 't', project, role });
    plantSecret('token', made.body.secret);
    const one = requests(controller.url, made.body.secret);
    expect((await one.request('GET', '/v2/keys')).status).toBe(403);
    expect((await one.request('POST', '/v2/keys/rotate', { replaces: await currentKey() })).status).toBe(403);
  }
});
