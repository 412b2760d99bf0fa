import { expect, test } from 'vitest';
import { type IsolatedMachine, isolationCheck } from './isolation.ts';

const machine = (number: number, isolation: IsolatedMachine['isolation']): IsolatedMachine => ({
  ...{ name: `m${number}`, address: `10.0.0.${number}`, isolation },
});
const silent = { kind: 'silent' } as const;

test('what answers is worse than what nobody knows, and that is worse than silence', () => {
  const open = machine(1, { kind: 'open', ports: [22, 8080] });
  const unknown = machine(2, { kind: 'unknown', reason: 'no time' });
  const stranger = machine(3, { kind: 'stranger' });
  const status = (...machines: IsolatedMachine[]) => isolationCheck(machines, true).status;
  expect([status(machine(4, silent)), status(machine(4, silent), stranger)]).toEqual(['GREEN', 'GREEN']);
  expect([status(unknown, stranger), status(open, unknown)]).toEqual(['YELLOW', 'RED']);
  expect(isolationCheck([open, unknown, stranger], true).description).toBe(
    'Machines answer from outside that only proxies should reach: m1 (10.0.0.1) on port 22, 8080. ' +
      'Not known of m2 (10.0.0.2): no time. ' +
      'Another host, with another host key, answers at the address of m3 (10.0.0.3): it does not count',
  );
});

test('silence proves nothing where no proxy answers, but an answer does', () => {
  expect(isolationCheck([machine(1, silent)], false).status).toBe('YELLOW');
  expect(isolationCheck([machine(1, { kind: 'open', ports: [22] })], false).status).toBe('RED');
});

test('of many machines ten are named', () => {
  const many = Array.from({ length: 12 }, (_, number) => machine(number, { kind: 'open', ports: [22] }));
  const { description } = isolationCheck(many, true);
  expect(description).toContain('m9 (10.0.0.9) on port 22 and 2 more');
  expect(description).not.toContain('m10');
});
