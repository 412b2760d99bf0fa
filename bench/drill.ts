// npm run drill -- --json
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printReckoning } from '../packages/cli/src/drill/drill-table.ts';
import { type FaultKind, faultKinds } from '../packages/cli/src/drill/injector.ts';
import type { Reckoning } from '../packages/cli/src/drill/reckoning.ts';
import { type Lab, labUp } from '../tests/set-up/lab.ts';
import type { BaselineInput } from './drill-baseline.ts';
import { DrillController } from './drill-controller.ts';

const { values } = parseArgs({
  options: {
    machines: { type: 'string', default: '20' },
    commands: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '15' },
    'upload-mib': { type: 'string', default: '1024' },
    kinds: { type: 'string', default: faultKinds.join(',') },
    'baseline-commands': { type: 'string' },
    'baseline-kinds': { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const machines = numberOf('machines', 1, 900);
const commands = numberOf('commands', 1, 100_000);
const seconds = numberOf('seconds', 1, 3600);
const upload = numberOf('upload-mib', 0, 100_000) * 2 ** 20;
/** 0: no baseline. */
const baselineCommands =
  values['baseline-commands'] === undefined ? commands : numberOf('baseline-commands', 0);
const labFault = fileURLToPath(new URL('../lab/netns/lab-fault', import.meta.url));

const say = (text: string) => console.error(`drill: ${text}`);
const lab = await labUp({ machines, proxies: 2 });
try {
  const wadi = await drillWadi(lab);
  const baseline = baselineCommands > 0 ? await drillBaseline(lab) : undefined;
  if (values.json) console.log(JSON.stringify({ ...wadi, ...(baseline && { baseline }) }));
  else printReckoning([['Wadi', wadi], ...(baseline ? [["Sahara's algorithm", baseline] as const] : [])]);
} finally {
  await lab.down();
}

async function drillWadi({ name, ...rest }: Lab): Promise<Reckoning> {
  say(`two proxies, ${machines} machines`);
  const controller = await DrillController.start({ name, ...rest });
  try {
    const options = [
      '--commands',
      commands,
      '--seconds',
      seconds,
      '--upload',
      `${values['upload-mib']}MiB`,
      '--kinds',
      values.kinds,
    ];
    const injector = ['--inject', labFault, '--', '--name', name];
    const words = ['--json', 'drill', 'proxy-loss', 'lab', ...options.map(String), ...injector];
    const { status, stdout } = await controller.wadi(words);
    if (stdout === '') throw new Error(`the drill ended with ${status}`);
    return JSON.parse(stdout) as Reckoning;
  } finally {
    await controller.stop();
  }
}

async function drillBaseline({ name, inventory, drive }: Lab): Promise<Reckoning> {
  say(`the same against Sahara's algorithm, ${baselineCommands} commands`);
  const input: BaselineInput = {
    inventory,
    injector: [labFault, '--name', name],
    ...{ commands: baselineCommands, seconds, upload },
    kinds: (values['baseline-kinds'] ?? values.kinds).split(',') as FaultKind[],
  };
  const script = fileURLToPath(new URL('drill-baseline.ts', import.meta.url));
  return (await drive(script, input, { timeout: 900_000 })) as Reckoning;
}

function numberOf(
  name: Exclude<keyof typeof values, 'json' | 'kinds' | 'baseline-kinds'>,
  least: number,
  most = 100_000,
): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  console.error(`drill: --${name} is a whole number from ${least} to ${most}`);
  process.exit(2);
}
