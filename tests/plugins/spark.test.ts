import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Controller, startController } from '../set-up/start-controller.ts';
import { outputOf, settled } from './sandbox-cluster.ts';

// Not Spark: scripts of the same names, which start a process and write the file with its number as Spark's do.
const script = (act: string, process: string, name: string) => `#!/bin/sh
file="$SPARK_PID_DIR/spark-user-org.apache.spark.deploy.${process}.${name}-1.pid"
echo "${act} $*" >>"$SPARK_LOG_DIR/acts"
${act === 'start' ? 'sleep 600 </dev/null >/dev/null 2>&1 &\necho $! >"$file"' : 'kill "$(cat "$file")"; rm "$file"'}
`;
const folder = mkdtempSync(path.join(tmpdir(), 'wadi-spark-'));
const tarball = path.join(folder, 'spark.tgz');
let wadi: Controller;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  const scripts = path.join(folder, 'spark-3.5.1-bin-hadoop3', 'sbin');
  mkdirSync(scripts, { recursive: true });
  for (const [process, name] of [
    ['master', 'Master'],
    ['worker', 'Worker'],
  ] as const)
    for (const act of ['start', 'stop'])
      writeFileSync(path.join(scripts, `${act}-${process}.sh`), script(act, process, name), { mode: 0o755 });
  execFileSync('tar', ['-czf', tarball, '-C', folder, 'spark-3.5.1-bin-hadoop3']);
  chmodSync(tarball, 0o644);
  wadi = await startController({ args: ['--sandbox'] });
});
afterAll(async () => {
  await wadi?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function create(name: string, settings: Record<string, unknown>, masters = 1): Promise<Answer['body']> {
  const group = (group: string, count: number, process: string) => ({
    ...{ name: group, count, flavor_id: '1', node_processes: [process], is_proxy: process === 'proxy' },
  });
  const answer = await wadi.request('POST', '/v2/clusters', {
    name,
    plugin_name: 'spark',
    plugin_version: '3',
    cluster_configs: { Spark: settings },
    node_groups: [group('door', 1, 'proxy'), group('head', masters, 'master'), group('hand', 2, 'worker')],
  });
  return settled(wadi, answer.body.cluster.id);
}

describe('a cluster of Spark, with a stand-in for its tarball', () => {
  it('installs it, starts the master before the workers, and offers their pages', async () => {
    const digest = createHash('sha512').update(readFileSync(tarball)).digest('hex');
    const cluster = await create('spark', { Tarball: tarball, 'Tarball SHA-512': digest });
    expect(cluster.status_description).toBe('');
    expect(cluster.status).toBe('Active');
    const steps = cluster.provision_progress.map((step: { step_name: string }) => step.step_name).slice(2);
    expect(steps).toEqual([
      'Install master',
      'Install worker',
      'Configure master',
      'Configure worker',
      'Start master',
      'Start worker',
      'Wait until healthy',
    ]);
    expect(cluster.info.master['Spark master']).toMatch(/\/instances\/spark-head-0\/http\/8180\/$/);
    const settings = await outputOf(wadi, cluster.id, 'spark-hand-1', 'cat ~/.wadi-spark/conf/spark-env.sh');
    const [, host] = /^SPARK_MASTER_HOST='(.*)'$/m.exec(settings) ?? [];
    const acts = await outputOf(wadi, cluster.id, 'spark-hand-1', 'cat ~/.wadi-spark/logs/acts');
    expect(acts).toBe(`start spark://${host}:7077\n`);

    // Scaled: those that stay and have nothing new go on as they are; the one that goes is stopped.
    const body = { resize_node_groups: [{ name: 'hand', count: 1 }] };
    await wadi.request('PUT', `/v2/clusters/${cluster.id}`, body);
    const scaled = await settled(wadi, cluster.id);
    expect(scaled.status_description).toBe('');
    expect(scaled.provision_progress).toContainEqual(
      expect.objectContaining({ step_name: 'Decommission worker', successful: true }),
    );
    expect(await outputOf(wadi, cluster.id, 'spark-hand-0', 'wc -l <~/.wadi-spark/logs/acts')).toMatch(
      /^ *1\n$/,
    );
  });

  it('refuses a tarball that is not the one meant, and two masters', async () => {
    const wrong = await create('wrong', { Tarball: tarball, 'Tarball SHA-512': 'ab' });
    expect(wrong.status_description).toMatch(
      /wrong-head-0: process master: install .*SHA-512 [0-9a-f]{128}, not/s,
    );
    const two = await create('two', { Tarball: tarball }, 2);
    expect(two.status_description).toContain('the cluster has 2 masters');
    const none = await create('none', {});
    expect(none.status_description).toContain('there is no Spark at');
    const plain = await create('plain', { Tarball: 'http://192.0.2.1/spark.tgz' });
    expect(plain.status_description).toContain('over http needs its SHA-512');
  });
});
