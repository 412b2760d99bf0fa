import { expect, test } from 'vitest';
import { labUp } from '../set-up/lab.ts';
import type { Rounds } from './driver-fan-out.ts';

test('200 machines answer, cold and warm, over one TCP connection to a proxy with default limits', async () => {
  const lab = await labUp({ machines: 200 });
  try {
    const accepted = () => Promise.all(['proxy-1', 'machine-200'].map((one) => lab.acceptedConnections(one)));
    const before = await accepted();
    const names = lab.inventory.machines.map(({ name }) => name);
    let running = true;
    const input = { inventory: lab.inventory, privateKey: lab.privateKey };
    const drive = lab.drive('tests/lab/driver-fan-out.ts', input, { timeout: 240_000 }).finally(() => {
      running = false;
    });
    const seen = new Set<number>();
    while (running) {
      seen.add(await lab.sshConnections('proxy-1'));
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    expect((await drive) as Rounds).toEqual([names, names, names]);
    expect((await accepted()).map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1]);
    expect([...seen].filter((count) => count > 0)).toEqual([1]);
  } finally {
    await lab.down();
  }
}, 300_000);
