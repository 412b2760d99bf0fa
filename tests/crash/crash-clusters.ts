// npm run test:crash -- [--rounds N] [--json] [--real | --stand-in]
import { ensureLab, lab } from './ensure-lab.ts';
import { readRounds, reportRounds } from './report-rounds.ts';

/**
 * In the lab, where each server has an OpenSSH machine in a network namespace; `--real`: where it is a virtual machine;
 * `--stand-in`: without a lab.
 */
const options = readRounds('test:crash', '30', ['real', 'stand-in']);
const test = 'tests/crash/killed-clusters.test.ts';
if (options.given.has('stand-in')) reportRounds(test, options);
else {
  const type = options.given.has('real') ? 'qemu' : 'netns';
  ensureLab(type);
  reportRounds(test, options, { WADI_CRASH_CLOUD: type }, [`${lab}/controller`]);
}
