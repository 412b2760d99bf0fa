import { describe, expect, it } from 'vitest';
import { selectMachines } from './select-machines.ts';

const machines = ['proxy-0', 'worker-0', 'worker-1', 'worker-2'].map((name) => ({
  id: `id-of-${name}`,
  name: `c1-${name}`,
  node_group_name: name.slice(0, -2),
}));

const select = (...words: string[]) => selectMachines('c1', machines, words).map((machine) => machine.name);

describe('the machines of -w', () => {
  it('are found by name, short name, id and group, once each and in order', () => {
    expect(select('c1-worker-2', 'worker-[0-1]', 'id-of-proxy-0', 'worker')).toEqual(
      machines.map((machine) => machine.name),
    );
  });

  it('that do not exist are named, with those that do', () => {
    expect(() => select('worker-[1-4]')).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringContaining('worker-[3-4]'),
        hint: expect.stringContaining('c1-worker-[0-2]'),
      }),
    );
  });
});
