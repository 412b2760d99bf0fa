import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Doorkeeper, type Visit } from './doorkeeper.ts';

const limits = { strangers: 4, strangersPerAddress: 2, connections: 6 };
const stay = () => {};

it('lets no more strangers in than it may, in all and from one address', () => {
  const door = new Doorkeeper(limits);
  const visits = ['a', 'a', 'a', 'b', 'c', 'd', 'e'].map((address) => door.enter(address, stay));
  expect(visits.map((visit) => visit !== undefined)).toEqual([true, true, false, true, true, true, false]);
  expect(door.strangers).toBe(4);
  visits[3]?.known();
  expect(door.enter('e', stay)).toBeDefined();
  expect(door.strangers).toBe(4);
});

it('has the address with the most strangers make room for one with fewer, the oldest first', () => {
  const door = new Doorkeeper(limits);
  const turnedAway: string[] = [];
  const enter = (name: string) => door.enter(name[0] as string, () => turnedAway.push(name));
  for (const name of ['a1', 'a2', 'b1', 'b2']) expect(enter(name)).toBeDefined();
  expect(enter('c1')).toBeDefined();
  expect(enter('d1')).toBeDefined();
  expect(turnedAway).toEqual(['a1', 'b1']);
  expect(door.strangers).toBe(4);
  expect(enter('e1')).toBeUndefined();
});

it('counts right, whoever comes, is known, turned away and leaves, in whatever order and however often', () => {
  const move = fc.record({ kind: fc.constantFrom('enter', 'known', 'leave'), which: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const door = new Doorkeeper(limits);
      let here: { address: string; visit: Visit; stranger: boolean }[] = [];
      for (const { kind, which } of moves) {
        const address = `address-${which % 5}`;
        if (kind === 'enter') {
          const entry: { address: string; visit?: Visit; stranger: boolean } = { address, stranger: true };
          const visit = door.enter(address, () => {
            expect(entry.stranger).toBe(true);
            here = here.filter((each) => each !== entry);
          });
          if (visit) here.push(Object.assign(entry, { visit }));
        } else {
          const one = here[which % Math.max(here.length, 1)];
          one?.visit[kind as 'known' | 'leave']();
          one?.visit[kind as 'known' | 'leave']();
          if (one) one.stranger = false;
          if (kind === 'leave') here = here.filter((each) => each !== one);
        }
        const strangers = here.filter(({ stranger }) => stranger);
        expect(door.strangers).toBe(strangers.length);
        expect(strangers.length).toBeLessThanOrEqual(4);
        expect(here.length).toBeLessThanOrEqual(6);
        for (const { address } of strangers)
          expect(strangers.filter((each) => each.address === address).length).toBeLessThanOrEqual(2);
      }
    }),
  );
});
