import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** `npm run test:openstack`: brings the lab up if need be, runs all that needs a real OpenStack, and says how long each took. */
const root = fileURLToPath(new URL('../..', import.meta.url));
const lab = `${root}lab/openstack`;
const vitest = ['npx', 'vitest', 'run'];
const inLab = [`${lab}/controller`, ...vitest, '--config', 'vitest.lab.config.ts'];
/** What of the last parts is wanted; nothing: all. */
const wanted = process.argv.slice(2);

type Part = readonly [name: string, argv: readonly string[], env?: Record<string, string>];
const clusters: readonly Part[] = ['clusters', 'access-methods', 'faults'].map((name) => [
  name,
  [...inLab, `tests/openstack-lab/${name}.lab.ts`],
]);
const parts: readonly Part[] = [
  ['lab', [`${lab}/up`]],
  ['clients', [...vitest, 'tests/dataprocessing-client'], { WADI_OPENSTACK_SESSIONS: 'all' }],
  ...(wanted.length > 0 ? [['wanted', [...inLab, ...wanted]] as const] : clusters),
];

const took: string[] = [];
let failed = false;
for (const [name, argv, env] of parts) {
  const since = performance.now();
  const status = await run(argv, env);
  failed ||= status !== 0;
  took.push(
    `${name}: ${((performance.now() - since) / 1000).toFixed(0)} s${status === 0 ? '' : `, failed (${status})`}`,
  );
  // Without it nothing else can be.
  if (name === 'lab' && failed) break;
}
console.log(took.join('\n'));
process.exitCode = failed ? 1 : 0;

function run([program, ...args]: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = spawn(program as string, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(error.message);
      resolve(127);
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
}
