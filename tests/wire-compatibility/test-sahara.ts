// npm run test:sahara [-- --golden DIR]: plays the recorded requests against a controller of its own and compares.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../packages/controller/src/storage/postgres/embedded-postgres.ts';
import { readDifferences } from './compatibility-list.ts';
import { HeldClusters } from './held-clusters.ts';
import { moments } from './moments.ts';
import { ownRecording, readRecording } from './recording.ts';
import { Replay } from './replay.ts';
import { isSentAtOnce, type ListedCluster, settle } from './settled.ts';

const { values } = parseArgs({ options: { golden: { type: 'string', default: ownRecording } } });
const recording = readRecording(values.golden);

const folder = mkdtempSync(path.join(tmpdir(), 'wadi-test-sahara-'));
// The embedded database runs as another user when this is root.
chmodSync(folder, 0o755);
const data = path.join(folder, 'data');
mkdirSync(data, { mode: 0o711 });
const script = fileURLToPath(new URL('../../packages/controller/bin/start.mjs', import.meta.url));
const testCloud = fileURLToPath(new URL('./test-cloud.json', import.meta.url));
const { WADI_DATA: _data, ...env } = process.env;
const postgres = await startEmbeddedPostgres({ dataDirectory: folder, tell: () => {} });
if (!('socketDirectory' in postgres.connection)) throw new Error('the database listens elsewhere');
const { connection } = postgres;
const host = encodeURIComponent(connection.socketDirectory);
// Milliseconds: a cluster that is held is a statement that waits.
const more = `host=${host}&statement_timeout=600000`;
env.DATABASE_URL = `postgresql://${connection.user}@localhost/${connection.database}?${more}`;
const controller = spawn(
  process.execPath,
  [script, '--data', data, '--listen', '127.0.0.1:0', '--test-cloud', testCloud],
  { env, stdio: ['ignore', 'pipe', 'inherit'] },
);
const ended = once(controller, 'exit');
const stop = () => controller.kill('SIGTERM');
process.on('SIGINT', stop);
process.on('SIGTERM', stop);

let output = '';
controller.stdout.on('data', (chunk) => {
  output += chunk;
});
const count = { passed: 0, failed: 0, different: 0 };
try {
  while (!output.includes('Wadi is ready')) {
    if (controller.exitCode !== null) throw new Error(`the controller did not start: ${output}`);
    await sleep(50);
  }
  const held = await HeldClusters.open(connection);
  await play(readFileSync(path.join(data, 'endpoint'), 'utf8').trim(), held).finally(() => held.close());
} finally {
  stop();
  await ended;
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.different} different`);
if (count.different > 0) console.log('What is different, and why: docs/sahara-compatibility.md');
process.exitCode = count.failed === 0 ? 0 : 1;

async function play(url: string, held: HeldClusters): Promise<void> {
  const send = async (
    method: string,
    target: string,
    body: string | undefined,
    headers: Record<string, string>,
  ) => {
    const response = await fetch(`${url}${target}`, { method, headers, body: body ?? null });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? null : JSON.parse(text),
    };
  };
  const tokens = (JSON.parse(readFileSync(testCloud, 'utf8')) as { tokens: { token: string }[] }).tokens;
  const clusters = async () => {
    const lists = tokens.map(async ({ token }) => {
      const { body } = await send('GET', '/v2/clusters', undefined, { 'X-Auth-Token': token });
      return (body as { clusters: ListedCluster[] }).clusters;
    });
    return (await Promise.all(lists)).flat();
  };
  const replay = new Replay(send, readDifferences());
  let now: typeof moments = [];
  for (const recorded of recording) {
    if (!isSentAtOnce(recorded.name)) await settle(clusters, now);
    const begin = moments.filter(({ from }) => from === recorded.name);
    for (const each of begin) await held.hold(each);
    const { outcome, expected, received } = await replay.play(recorded);
    now = [...now, ...begin];
    for (const each of now.filter(({ until }) => until === recorded.name)) await held.release(each);
    now = now.filter(({ until }) => until !== recorded.name);
    if (outcome === 'not recorded') continue;
    count[outcome] += 1;
    if (outcome === 'different') console.log(`different ${recorded.name}`);
    if (outcome === 'failed')
      console.log(
        `failed ${recorded.name}\n  recorded ${JSON.stringify(expected)}\n  answered ${JSON.stringify(received)}`,
      );
  }
}
