import { expect, it } from 'vitest';
import { describeProblem } from './describe-problem.ts';

it.each([
  ['p', 'dial', 'p (1.2.3.4 port 22): refused', ' at p (dial): 1.2.3.4 port 22: refused [CODE]'],
  ['m', 'authentication', 'm: key not accepted', ' (authentication): key not accepted [CODE]'],
  [null, null, 'no route', ': no route [CODE]'],
  ['p', null, 'something else', ' at p: something else [CODE]'],
])('hop %s, phase %s, %s is told as %s', (hop, phase, message, text) => {
  expect(describeProblem({ code: 'CODE', hop, phase, message }, 'm')).toBe(text);
});
