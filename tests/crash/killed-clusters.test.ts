import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runOnAll } from '../openstack-lab/lab-controller.ts';
import { type CrashCloud, type CrashController, type Inventory, openStandInCloud } from './crash-cloud.ts';
import { watchForDoubles } from './doubled-things.ts';
import { type Kind, StepWatch, stepsOf } from './step-watch.ts';

/** The long form, where it is done, and its reports: see crash-clusters.ts. */
const rounds = Number(process.env.WADI_CRASH_ROUNDS ?? 3);
const { WADI_CRASH_REPORT: reportFile, WADI_CRASH_CLOUD: where = 'stand-in' } = process.env;
/** From so many on every step has been hit. */
const enough = 30;
const minute = 60_000;
const patience = { 'stand-in': 2 * minute, netns: 5 * minute, qemu: 20 * minute }[where] ?? 0;
const totals = { rounds, completed: 0, duplicates: 0, leftovers: 0 };
/** How often each step was under way in a controller that was killed; `late`: nothing was any more. */
const hits = new Map<string, number>(
  Object.entries(stepsOf).flatMap(([kind, steps]) => steps.map((step) => [`${kind}: ${step}`, 0])),
);
const missed = () => [...hits].filter(([, times]) => times === 0).map(([step]) => step);

let cloud: CrashCloud;
let wadi: CrashController;
let watch: StepWatch;

beforeAll(async () => {
  // What the lab has is known inside of it only.
  cloud =
    where === 'stand-in'
      ? await openStandInCloud()
      : await (await import('./lab-cloud.ts')).openLabCloud({ patience });
  wadi = await cloud.controller();
  watch = await StepWatch.open(wadi.controller.databaseUrl ?? '');
}, 5 * minute);
afterAll(async () => {
  if (reportFile) {
    writeFileSync(reportFile, JSON.stringify(totals));
    console.error(`killed in: ${JSON.stringify(Object.fromEntries(hits))}`);
  }
  await watch?.close();
  await wadi?.stop();
  await cloud?.close();
}, 5 * minute);

/**
 * Asks, kills the controller at a random moment of a step that was hit least as yet, starts it again, asks again where the answer
 * got lost, and waits for the end. `end` throws when its controller dies.
 */
async function killedWhile(
  kind: Kind,
  ask: () => Promise<unknown>,
  end: () => Promise<unknown>,
): Promise<void> {
  const steps = stepsOf[kind];
  const least = Math.min(...steps.map((step) => timesHit(kind, step)));
  const rarest = steps.filter((step) => timesHit(kind, step) === least);
  const step = rarest[Math.floor(Math.random() * rarest.length)] as string;
  const delay = Math.random() * (await watch.lasted(kind, step));
  const begun = await watch.begun(kind);
  const asked = settledBy(ask);
  const over = asked.then(async (answered) => {
    if (answered) await settledBy(end);
  });
  if (await watch.reach(kind, step, begun, over)) await Promise.race([over, sleep(delay)]);
  await wadi.kill();
  const hit = `${kind}: ${(await watch.inFlight(kind)) ?? 'late'}`;
  hits.set(hit, (hits.get(hit) ?? 0) + 1);
  await over;
  wadi = await cloud.successorOf(wadi);
  if (!(await asked)) await ask();
  await end();
}

function timesHit(kind: Kind, step: string): number {
  return hits.get(`${kind}: ${step}`) ?? 0;
}

/** Whether it came to its end. */
function settledBy(act: () => Promise<unknown>): Promise<boolean> {
  return act().then(
    () => true,
    () => false,
  );
}

async function clusterNamed(
  name: string,
): Promise<{ id: string; status: string; status_description: string }> {
  const { body } = await wadi.request('GET', '/v2/clusters');
  return body.clusters.find((each: { name: string }) => each.name === name);
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + cloud.patience; !(await look()); await sleep(150))
    if (performance.now() > deadline) throw new Error(`not within ${cloud.patience} ms: ${what}`);
}

async function active(name: string): Promise<void> {
  await until(`${name} is Active`, async () => {
    const { status, status_description: reason } = await clusterNamed(name);
    if (status === 'Error') throw new Error(reason);
    return status === 'Active';
  });
}

async function machines(id: string): Promise<string[]> {
  const told = Object.entries(await runOnAll(wadi, id, 'hostname'));
  expect(told.filter(([name, host]) => name !== host)).toEqual([]);
  return told.map(([name]) => name).sort();
}

async function oneRound(round: number): Promise<void> {
  const before = await cloud.inventory();
  const stopWatch = watchForDoubles(cloud);
  let doubles: readonly string[] = [];
  try {
    await oneLife(round, before);
  } finally {
    doubles = await stopWatch();
  }
  for (const each of doubles) console.error(`made twice: ${each}`);
  totals.duplicates += doubles.length;
  const known = new Set(Object.values(before).flat());
  const left = Object.values(await cloud.inventory())
    .flat()
    .filter((line) => !known.has(line));
  for (const line of left) console.error(`left over: ${line}`);
  totals.leftovers += left.length;
  totals.completed += 1;
}

async function oneLife(round: number, before: Inventory): Promise<void> {
  const name = `round-${round}`;
  const [first, second] = round % 2 === 0 ? [1, 2] : [2, 1];
  const names = (count: number) => [
    ...Array.from({ length: count }, (_none, index) => `${name}-machine-${index}`),
    `${name}-proxy-0`,
  ];
  await killedWhile(
    'create',
    async () => {
      // Somebody whose answer got lost looks first.
      if (await clusterNamed(name)) return;
      const answer = await wadi.request('POST', '/v2/clusters', cloud.clusterBody(name, first));
      expect(answer.status, JSON.stringify(answer.body)).toBe(202);
    },
    () => active(name),
  );
  const { id } = await clusterNamed(name);
  expect(await machines(id)).toEqual(names(first));
  await killedWhile(
    'scale',
    async () => {
      const resized = { resize_node_groups: [{ name: 'machine', count: second }] };
      const answer = await wadi.request('PUT', `/v2/clusters/${id}`, resized);
      // Asked again, it is at it, or has that many.
      expect([202, 400, 409], JSON.stringify(answer.body)).toContain(answer.status);
    },
    () => active(name),
  );
  expect(await machines(id)).toEqual(names(second));
  expect((await cloud.inventory()).servers).toHaveLength((before.servers?.length ?? 0) + second + 1);
  await killedWhile(
    'delete',
    async () => {
      const answer = await wadi.request('DELETE', `/v2/clusters/${id}`);
      expect([204, 404], JSON.stringify(answer.body)).toContain(answer.status);
    },
    () =>
      until(`${name} is gone`, async () => (await wadi.request('GET', `/v2/clusters/${id}`)).status === 404),
  );
}

it(
  `makes, scales and deletes clusters as if nothing had happened, when its controller is killed ${rounds} times in each`,
  async () => {
    for (let round = 0; round < rounds; round += 1) {
      const since = performance.now();
      await oneRound(round);
      const seconds = ((performance.now() - since) / 1000).toFixed(0);
      if (reportFile)
        console.error(
          `round ${round + 1}, ${seconds} s: ${JSON.stringify(totals)}; steps not hit yet: ${missed()}`,
        );
    }
    expect(totals).toEqual({ rounds, completed: rounds, duplicates: 0, leftovers: 0 });
    if (rounds >= enough) expect(missed()).toEqual([]);
  },
  2 * minute + rounds * 6 * patience,
);
