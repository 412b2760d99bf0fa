import { expect, it } from 'vitest';
import type { UnderWay } from './carrier.ts';
import { chooseFault, hitBy } from './choose-fault.ts';

const proxies = ['p1', 'p2'];
const on = (id: string, machine: string, ...ways: string[]): UnderWay => ({ id, machine, proxies: ways });
const choose = (kind: 'kill' | 'cut', underWay: readonly UnderWay[]) =>
  chooseFault(underWay, { kind, proxies, machine: 'm1', upload: 'upload' });

it('blocks the proxy that most of the work goes through', () => {
  const underWay = [on('c1', 'm1', 'p1'), on('c2', 'm1', 'p2'), on('c3', 'm2', 'p2')];
  expect(choose('kill', underWay)).toEqual({ kind: 'kill', proxy: 'p2' });
});

it('blocks the one that carries the upload before all', () => {
  const underWay = [on('upload', 'm1', 'p1'), on('c2', 'm1', 'p2'), on('c3', 'm2', 'p2')];
  expect(choose('kill', underWay)).toEqual({ kind: 'kill', proxy: 'p1' });
});

it('a cut counts only what goes to the one machine', () => {
  const underWay = [on('c1', 'm2', 'p1'), on('c2', 'm2', 'p1'), on('c3', 'm1', 'p2')];
  const fault = choose('cut', underWay);
  expect(fault).toEqual({ kind: 'cut', proxy: 'p2', machine: 'm1' });
  expect(hitBy(fault, underWay).map(({ id }) => id)).toEqual(['c3']);
});

it('a proxy behind another one counts too', () => {
  const underWay = [on('c1', 'm1', 'p1', 'p2')];
  expect(hitBy({ kind: 'kill', proxy: 'p2' }, underWay)).toEqual(underWay);
});
