import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Doorkeeper, type Visit } from './doorkeeper.ts';

const limits = { strangers: 4, strangersPerAddress: 2, connections: 6 };

it('lets no more strangers in than it may, in all and from one address', () => {
  const door = new Doorkeeper(limits);
  const visits = ['a', 'a', 'a', 'b', 'b', 'c'].map((address) => door.enter(address));
  expect(visits.map((visit) => visit !== undefined)).toEqual([true, true, false, true, true, false]);
  visits[0]?.known();
  expect(door.enter('a')).toBeDefined();
  expect(door.enter('c')).toBeUndefined();
  visits[3]?.leave();
  expect(door.enter('c')).toBeDefined();
  expect(door.strangers).toBe(4);
});

it('counts right, whoever comes, is known and leaves, in whatever order and however often', () => {
  const move = fc.record({ kind: fc.constantFrom('enter', 'known', 'leave'), which: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const door = new Doorkeeper(limits);
      const here: { address: string; visit: Visit; stranger: boolean }[] = [];
      for (const { kind, which } of moves) {
        const address = `address-${which % 3}`;
        if (kind === 'enter') {
          const strangers = here.filter(({ stranger }) => stranger);
          const same = strangers.filter((each) => each.address === address).length;
          const room = strangers.length < 4 && same < 2 && here.length < 6;
          const visit = door.enter(address);
          expect(visit !== undefined).toBe(room);
          if (visit) here.push({ address, visit, stranger: true });
          continue;
        }
        const one = here[which % Math.max(here.length, 1)];
        if (!one) continue;
        one.visit[kind as 'known' | 'leave']();
        one.stranger = false;
        if (kind === 'leave') {
          one.visit.leave();
          here.splice(here.indexOf(one), 1);
        }
      }
      expect(door.strangers).toBe(here.filter(({ stranger }) => stranger).length);
    }),
  );
});
