import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { KeyRotation } from '@wadi/api';
import { expect } from 'vitest';
import { openDatabase, openPool } from '../../packages/controller/src/storage/database.ts';
import { parseMasterKeys } from '../../packages/controller/src/storage/keys/master-key.ts';
import { unseal } from '../../packages/controller/src/storage/sealed.ts';
import type { Answer, LabController } from '../access/lab-controller.ts';
import type { Lab } from '../set-up/lab.ts';
import { plantSecret } from '../set-up/run-folder.ts';

/** Milliseconds; the computer may be busy with everything else. */
const patience = 120_000;

export async function rotate(wadi: LabController, cluster: string, body: object): Promise<KeyRotation> {
  const answer = await wadi.request('POST', `/v2/clusters/${cluster}/key-rotations`, body);
  expect([answer.status, answer.body]).toEqual([202, expect.anything()]);
  return answer.body.key_rotation;
}

/** The rotation when it is so. */
export async function untilRotation(
  wadi: LabController,
  cluster: string,
  id: string,
  status: KeyRotation['status'],
): Promise<KeyRotation> {
  for (const deadline = performance.now() + patience; ; await sleep(100)) {
    const { body } = await wadi.request('GET', `/v2/clusters/${cluster}/key-rotations/${id}`);
    const rotation = body.key_rotation as KeyRotation;
    if (rotation.status === status) return rotation;
    if (performance.now() > deadline) throw new Error(`not ${status}: ${JSON.stringify(rotation)}`);
  }
}

/** The private keys that the controller has for machines of a cluster. */
export async function machineKeys({ controller }: LabController, cluster: string): Promise<string[]> {
  const pool = openPool({ url: controller.databaseUrl ?? '' }, 1, () => {});
  const db = openDatabase(pool);
  const keys = parseMasterKeys(readFileSync(path.join(controller.data, 'master.key'), 'utf8'), 'file');
  const rows = await db.selectFrom('secret').selectAll().where('cluster_id', '=', cluster).execute();
  await pool.end();
  return rows.map((row) => {
    const own = keys.find(({ id }) => id === row.key_id);
    if (!own) throw new Error('no such master key');
    const { privateKey } = JSON.parse(unseal(row, own.key).toString()) as { privateKey: string };
    plantSecret('management-key', privateKey);
    return privateKey;
  });
}

/** Whether the sshd of a machine in the lab lets this key in. */
export async function letsIn(lab: Lab, machine: string, user: string, privateKey: string): Promise<boolean> {
  const folder = mkdtempSync(path.join(tmpdir(), 'wadi-key-'));
  const file = path.join(folder, 'key');
  writeFileSync(file, privateKey, { mode: 0o600 });
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'BatchMode=yes',
    'IdentitiesOnly=yes',
  ];
  const ssh = ['ssh', '-F', 'none', '-i', file, ...options.flatMap((each) => ['-o', each])];
  const [program = '', ...argv] = lab.machineArgv(machine, [...ssh, `${user}@127.0.0.1`, 'true']);
  try {
    await promisify(execFile)(program, argv, { timeout: 30_000 });
    return true;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    if (stderr.includes('Permission denied')) return false;
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a command says on each machine, by its name. */
export async function said(
  wadi: LabController,
  cluster: string,
  command: string,
): Promise<Record<string, string>> {
  const run = await wadi.run(cluster, { command });
  const ends = run.targets.map(({ instance_name, status, error }) => [instance_name, error ?? status]);
  expect(ends).toEqual(run.targets.map(({ instance_name }) => [instance_name, 'succeeded']));
  const output = async (name: string) => [name, (await wadi.output(run, name)).toString()];
  return Object.fromEntries(await Promise.all(run.targets.map(({ instance_name }) => output(instance_name))));
}

export async function instances(wadi: LabController, cluster: string): Promise<Answer['body'][]> {
  const { body } = await wadi.request('GET', `/v2/clusters/${cluster}/instances`);
  return body.instances;
}
