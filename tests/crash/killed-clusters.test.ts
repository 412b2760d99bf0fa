import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LabController } from '../access/lab-controller.ts';
import { createCluster, untilGone, untilStatus } from '../openstack/cloud-clusters.ts';
import { type CrashCloud, openStandInCloud } from './crash-cloud.ts';
import { watchForDoubles } from './doubled-things.ts';

/** The long form, and its report: see crash-clusters.ts. */
const rounds = Number(process.env.WADI_CRASH_ROUNDS ?? 3);
const reportFile = process.env.WADI_CRASH_REPORT;
const totals = { rounds, completed: 0, duplicates: 0, leftovers: 0 };
/** Milliseconds that each takes, as far as known: they are killed before that. */
const lasts = { create: 3000, scale: 3000, delete: 2500 };
/** Kills that came when all was over. */
let late = 0;

let cloud: CrashCloud;
let wadi: LabController;

beforeAll(async () => {
  cloud = await openStandInCloud();
  wadi = await cloud.controller();
});
afterAll(async () => {
  if (reportFile) writeFileSync(reportFile, JSON.stringify(totals));
  await wadi?.stop();
  await cloud?.close();
});

/** Asks, kills the controller at a random moment while it is at work, starts it again, and waits for the end. */
async function killedWhile<T>(
  kind: keyof typeof lasts,
  ask: () => Promise<T>,
  end: (asked: T) => Promise<unknown>,
): Promise<T> {
  const asked = await ask();
  const since = performance.now();
  // Whoever waits learns of the death as of a lost connection.
  const over = end(asked).then(
    () => true,
    () => false,
  );
  const isLate = await Promise.race([over, sleep(Math.random() * lasts[kind], false)]);
  await wadi.kill();
  const took = performance.now() - since;
  lasts[kind] = isLate ? 0.8 * took : Math.min(lasts[kind] * 1.1, 10_000);
  late += isLate ? 1 : 0;
  await over;
  wadi = await cloud.successorOf(wadi);
  await end(asked);
  return asked;
}

async function machines(id: string): Promise<string[]> {
  const run = await wadi.run(id, { command: 'hostname' });
  const told = run.targets.map(async ({ instance_name: name, status, error }) => {
    expect(error ?? status).toBe('succeeded');
    return (await wadi.output(run, name)).toString().trim();
  });
  return (await Promise.all(told)).sort();
}

it(
  `makes, scales and deletes clusters as if nothing had happened, when its controller is killed ${rounds} times in each`,
  async () => {
    for (let round = 0; round < rounds; round += 1) {
      const before = await cloud.inventory();
      const doubles = watchForDoubles(() => cloud.inventory());
      const name = `round-${round}`;
      const [larger, smaller] = [round % 2 === 0 ? 3 : 1, round % 2 === 0 ? 1 : 3];
      const names = (count: number) => [
        ...Array.from({ length: count }, (_none, index) => `${name}-machine-${index}`),
        `${name}-proxy-0`,
      ];
      const id = await killedWhile(
        'create',
        () => createCluster(wadi, cloud.clusterBody(name, smaller)),
        (made) => untilStatus(wadi, made, 'Active'),
      );
      expect(await machines(id)).toEqual(names(smaller));
      await killedWhile(
        'scale',
        async () => {
          const resized = { resize_node_groups: [{ name: 'machine', count: larger }] };
          const answer = await wadi.request('PUT', `/v2/clusters/${id}`, resized);
          expect(answer.status, JSON.stringify(answer.body)).toBe(202);
        },
        () => untilStatus(wadi, id, 'Active'),
      );
      expect(await machines(id)).toEqual(names(larger));
      expect((await cloud.inventory()).servers).toHaveLength((before.servers?.length ?? 0) + larger + 1);
      await killedWhile(
        'delete',
        () => wadi.request('DELETE', `/v2/clusters/${id}`),
        () => untilGone(wadi, id),
      );
      totals.duplicates += (await doubles()).length;
      const known = new Set(Object.values(before).flat());
      totals.leftovers += Object.values(await cloud.inventory())
        .flat()
        .filter((line) => !known.has(line)).length;
      totals.completed += 1;
      if (reportFile) console.error(`round ${round + 1}: ${JSON.stringify({ ...totals, late })}`);
    }
    expect(totals).toEqual({ rounds, completed: rounds, duplicates: 0, leftovers: 0 });
  },
  120_000 + rounds * 120_000,
);
