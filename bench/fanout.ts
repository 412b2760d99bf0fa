// npm run bench:fanout -- --nodes 50 --json
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { type Lab, labUp } from '../tests/set-up/lab.ts';
import { type FanoutResult, report, table } from './fanout-report.ts';
import type { RoundsInput, Sample } from './fanout-rounds.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const nodes = Number(values.nodes);
const rounds = Number(values.rounds);
if (!Number.isInteger(nodes) || nodes < 1 || nodes > 900 || !Number.isInteger(rounds) || rounds < 1) {
  console.error('usage: npm run bench:fanout -- [--nodes 1..900] [--rounds N] [--json]');
  process.exit(2);
}

const here = fileURLToPath(new URL('.', import.meta.url));
/** Under node_modules' roof, so that the bundle finds the one package that stays outside it. */
const dist = `${here}dist/fanout-${process.pid}/`;
const say = (text: string) => console.error(`fanout: ${text}`);

try {
  const result = await measure();
  console.log(values.json ? JSON.stringify(result) : table(result));
} finally {
  rmSync(dist, { recursive: true, force: true });
  if (readdirSync(`${here}dist`).length === 0) rmdirSync(`${here}dist`);
}

async function measure(): Promise<FanoutResult> {
  mkdirSync(dist, { recursive: true });
  const client = `${dist}client.cjs`;
  await build({
    entryPoints: [`${here}fanout-wadi.ts`],
    outfile: client,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['ssh2'],
    logLevel: 'error',
  });
  say(`${nodes} machines, MaxStartups 2000 on the proxy, ${rounds} rounds`);
  const timed = await inLab({ maxStartups: '2000' }, client, rounds);
  say('default limits on the proxy, 3 rounds');
  const limited = await inLab({}, client, Math.min(3, rounds));
  return report(nodes, timed, limited);
}

async function inLab(
  options: { maxStartups?: string },
  client: string,
  howOften: number,
): Promise<readonly Sample[]> {
  const lab = await labUp({ machines: nodes, ...options });
  try {
    return await roundsIn(lab, { inventory: lab.inventory, client, rounds: howOften, scratch: dist });
  } finally {
    await lab.down();
  }
}

/** All that is timed runs in the controller's namespace, so that no way pays for entering it. */
function roundsIn(lab: Lab, input: RoundsInput): Promise<readonly Sample[]> {
  const [program = '', ...argv] = lab.controllerArgv([
    process.execPath,
    '--import',
    'tsx',
    `${here}fanout-rounds.ts`,
  ]);
  const limit = 60_000 + input.rounds * (30_000 + nodes * 3000);
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: limit,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', (status, signal) => {
      if (status === 0) resolve(JSON.parse(output) as Sample[]);
      else reject(new Error(`fanout: the rounds ended with ${status ?? signal}`));
    });
    child.stdin.end(JSON.stringify(input));
  });
}
