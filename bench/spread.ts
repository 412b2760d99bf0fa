// npm run bench:spread -- --json
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Lab, labUp } from '../tests/set-up/lab.ts';
import { DrillController } from './drill-controller.ts';

const { values } = parseArgs({
  options: {
    machines: { type: 'string', default: '10' },
    mib: { type: 'string', default: '32' },
    mbit: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const [machines, mib, mbit, rounds] = [values.machines, values.mib, values.mbit, values.rounds].map(
  Number,
) as [number, number, number, number];

const say = (text: string) => console.error(`spread: ${text}`);
const folder = await mkdtemp(path.join(tmpdir(), 'wadi-spread-'));
const file = path.join(folder, 'file');
await writeFile(file, randomBytes(mib * 2 ** 20));
const lab = await labUp({ machines });
try {
  await limit(lab);
  const controller = await DrillController.start(lab);
  try {
    const seconds = { each: [] as number[], spread: [] as number[] };
    for (let round = 0; round < rounds; round += 1)
      for (const way of ['each', 'spread'] as const) {
        await run(controller, ['cluster', 'access', 'lab', '--spread', way === 'spread' ? 'on' : 'off']);
        const began = performance.now();
        await run(controller, ['cp', file, `lab/machine:round-${round}-${way}`]);
        const taken = (performance.now() - began) / 1000;
        seconds[way].push(taken);
        say(`${way}: ${taken.toFixed(1)} s`);
      }
    report({ each: median(seconds.each), spread: median(seconds.spread) });
  } finally {
    await controller.stop();
  }
} finally {
  await lab.down();
  await rm(folder, { recursive: true });
}

/** What the controller sends to the proxy, as on a line of that many Mbit/s. */
async function limit({ inController }: Lab): Promise<void> {
  const { stdout } = await inController(['ip', '-o', '-4', 'address', 'show', 'to', '198.18.0.0/24']);
  const device = stdout.split(/\s+/)[1] ?? '';
  const line = ['tbf', 'rate', `${mbit}mbit`, 'burst', '256kb', 'latency', '100ms'];
  const { status, stderr } = await inController(['tc', 'qdisc', 'replace', 'dev', device, 'root', ...line]);
  if (status !== 0) throw new Error(`the line could not be limited: ${stderr}`);
}

async function run(controller: DrillController, words: readonly string[]): Promise<void> {
  const { status } = await controller.wadi(words);
  if (status !== 0) throw new Error(`wadi ${words.join(' ')} ended with ${status}`);
}

function report({ each, spread }: { each: number; spread: number }): void {
  const ratio = Number((each / spread).toFixed(2));
  const told = { machines, mib, mbit, eachSeconds: each, spreadSeconds: spread, ratio };
  if (values.json) console.log(JSON.stringify(told));
  else
    console.log(
      `${mib} MiB to ${machines} machines over ${mbit} Mbit/s: to each ${each} s, spread by the proxy ${spread} s: ` +
        `${ratio} times as fast`,
    );
}

function median(seconds: readonly number[]): number {
  const sorted = [...seconds].sort((a, b) => a - b);
  return Number((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0).toFixed(2));
}
