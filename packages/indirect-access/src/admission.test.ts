import { describe, expect, it } from 'vitest';
import { Admission } from './admission.ts';

const calm = new AbortController().signal;

/** Work that ends when told. */
function held() {
  let end: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, work: () => done };
}

describe('Admission', () => {
  it('never lets more than the limit of one group run, nor more than the total', async () => {
    const admission = new Admission(5, () => 3);
    const running = new Map<string, number>();
    let total = 0;
    let worstTotal = 0;
    let worstGroup = 0;
    const work = (group: string) => async () => {
      running.set(group, (running.get(group) ?? 0) + 1);
      total += 1;
      worstTotal = Math.max(worstTotal, total);
      worstGroup = Math.max(worstGroup, ...running.values());
      await new Promise(setImmediate);
      running.set(group, (running.get(group) ?? 0) - 1);
      total -= 1;
    };
    const groups = ['a', 'b', 'c'].flatMap((group) => Array<string>(10).fill(group));
    await Promise.all(groups.map((group) => admission.run([group], calm, work(group))));
    expect({ worstTotal, worstGroup, left: admission.inFlight }).toEqual({
      worstTotal: 5,
      worstGroup: 3,
      left: 0,
    });
  });

  it('admits in the order of arrival', async () => {
    const admission = new Admission(1, () => 1);
    const order: number[] = [];
    await Promise.all([1, 2, 3, 4].map((n) => admission.run(['a'], calm, async () => void order.push(n))));
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('does not let a full group hold up another one', async () => {
    const admission = new Admission(2, () => 1);
    const first = held();
    const a = admission.run(['a'], calm, first.work);
    const queued = admission.run(['a'], calm, async () => 'second of a');
    expect(await admission.run(['b'], calm, async () => 'b')).toBe('b');
    first.end();
    await a;
    expect(await queued).toBe('second of a');
  });

  it('takes a caller who gives up out of the queue', async () => {
    const admission = new Admission(1, () => 1);
    const first = held();
    const running = admission.run(['a'], calm, first.work);
    const controller = new AbortController();
    const queued = admission.run(['a'], controller.signal, async () => 'never');
    controller.abort();
    await expect(queued).rejects.toMatchObject({ code: 'CANCELLED' });
    first.end();
    await running;
    expect(admission.inFlight).toBe(0);
  });

  it('admits what is in several groups only where each of them has room', async () => {
    const admission = new Admission(10, (group) => (group === 'to machine' ? 1 : 2));
    const first = held();
    const begun: string[] = [];
    const run = (name: string, groups: string[], work: () => Promise<void>) =>
      admission.run(groups, calm, () => {
        begun.push(name);
        return work();
      });
    const ends = [
      run('a', ['through proxy-1', 'to machine'], first.work),
      run('b', ['through proxy-2', 'to machine'], async () => {}),
      run('c', ['through proxy-2', 'to another'], async () => {}),
    ];
    await Promise.all(ends.slice(2));
    expect(begun).toEqual(['a', 'c']);
    first.end();
    await Promise.all(ends);
    expect(begun).toEqual(['a', 'c', 'b']);
  });
});
