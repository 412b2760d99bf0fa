// npm run record:openstack [-- SCENARIO…]: with an administrator's OS_… or clouds.yaml, where the cloud's APIs can be reached
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCloud, OpenStack } from '@wadi/openstack';
import { ContractUser } from './contract-user.ts';
import { Recorder } from './recorder.ts';
import { writeRecording } from './recording.ts';
import { scenarios } from './scenarios/all.ts';
import { makeStable } from './stable.ts';
import { perform, type Scenario } from './stage.ts';
import { freshIdInRecordings, logInAs, passwordInRecordings, player, stranger } from './users.ts';

/** Milliseconds between two looks at what is not yet as wanted, and how many looks there are. */
const pause = 1000;
const mostLooks = 600;

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  console.error(
    `no scenario "${unknown.join('", "')}"; there are ${scenarios.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}
const cloud = loadCloud();
const administrator = new OpenStack(cloud);
const users = [new ContractUser(administrator, player), new ContractUser(administrator, stranger)] as const;
for (const user of users) await user.create();
try {
  for (const scenario of scenarios)
    if (wanted.length === 0 || wanted.includes(scenario.name))
      await record(scenario).catch((error) => {
        console.error(`${scenario.name}: not recorded:`, error);
        process.exitCode = 1;
      });
} finally {
  for (const user of users) await user.remove();
  await administrator.close();
}

async function record(scenario: Scenario): Promise<void> {
  const recorder = await Recorder.start(new URL(cloud.authUrl));
  const [mine, other] = users.map(({ name, password }) =>
    logInAs(name, recorder.origin, password, pause),
  ) as [OpenStack, OpenStack];
  const freshId = randomUUID();
  let kept = 0;
  try {
    await perform(scenario, {
      openstack: mine,
      stranger: other,
      freshId,
      limit: users[0].limit,
      again: async (n) => {
        if (n === mostLooks) throw new Error(`${scenario.name}: still not as wanted`);
        // Of looks in vain the first is enough.
        if (n > 1) recorder.forgetAfter(kept);
        kept = recorder.exchanges.length;
        await sleep(pause);
      },
    });
  } finally {
    await Promise.all([mine.close(), other.close()]);
    await recorder.stop();
  }
  const chosen = new Map<string, string>([[freshId, freshIdInRecordings]]);
  for (const { password } of users) chosen.set(password, passwordInRecordings);
  writeRecording(scenario.name, makeStable(recorder.exchanges, chosen));
  console.log(`${scenario.name}: ${recorder.exchanges.length} requests`);
}
