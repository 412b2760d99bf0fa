import type { Run } from '@wadi/api';
import { expect } from 'vitest';
import type { LabController } from '../access/lab-controller.ts';

/** One more `x` for each time that it is begun; output for as long as nobody says go. */
export const countingCommand = (mark: string) =>
  `echo x >> /tmp/begun-${mark}; i=0; ` +
  `while [ ! -e /tmp/go-${mark} ]; do i=$((i + 1)); echo "line $i"; sleep 0.05; done; echo "end $i"`;

/** Says go. */
export async function endCounting(by: LabController, cluster: string, mark: string): Promise<void> {
  await by.run(cluster, { command: `touch /tmp/go-${mark}`, targets: ['machines'] });
}

/** Every machine has begun it once, and nothing of what it printed is lost or doubled. */
export async function expectCountedOnce(
  wadi: LabController,
  cluster: string,
  mark: string,
  ended: Run,
): Promise<void> {
  for (const target of ended.targets) {
    expect(target).toMatchObject({ status: 'succeeded', exit_status: 0, error: null });
    const lines = (await wadi.output(ended, target.instance_name)).toString().trimEnd().split('\n');
    const counted = lines.slice(0, -1);
    expect(counted).toEqual(counted.map((_, index) => `line ${index + 1}`));
    expect(lines.at(-1)).toBe(`end ${counted.length}`);
  }
  const count = await wadi.run(cluster, { command: `cat /tmp/begun-${mark}`, targets: ['machines'] });
  for (const { instance_name: name } of count.targets)
    expect((await wadi.output(count, name)).toString()).toBe('x\n');
}
