import type { InstanceVerdict } from '@wadi/api';
import { expect, it } from 'vitest';
import { clusterProblems } from './cluster-problems.ts';

function verdict(name: string, more: Partial<InstanceVerdict> = {}): InstanceVerdict {
  return {
    ...{ instance_id: name, instance_name: name, is_proxy: false, reachable: false },
    ...{ code: 'CONNECTION_TIMEOUT', reason: null, hop: name, phase: 'dial', message: `${name}: no answer` },
    ...{ hint: null, route: null, since: null, looked_at: null },
    ...more,
  };
}

it('a dead proxy is one problem, its own and that of all behind it', () => {
  const behind = Array.from({ length: 200 }, (_, i) => verdict(`m-${i}`, { hop: 'proxy' }));
  const [problem, ...more] = clusterProblems([verdict('proxy'), ...behind]);
  expect(more).toEqual([]);
  expect(problem).toMatchObject({ hop: 'proxy', phase: 'dial', code: 'CONNECTION_TIMEOUT' });
  expect(problem?.instances).toHaveLength(201);
});

it('machines that fail alike are together, those of most machines first; who answers or was not looked at is no problem', () => {
  const problems = clusterProblems([
    verdict('a', { code: 'AUTHENTICATION_FAILED', phase: 'authentication' }),
    verdict('b'),
    verdict('c'),
    verdict('d', { reachable: true, code: null, hop: null, phase: null }),
    verdict('e', { reachable: null, code: null, hop: null, phase: null }),
    verdict('f', { code: 'TARGET_UNREACHABLE', reason: 'refused' }),
    verdict('g', { code: 'TARGET_UNREACHABLE', reason: 'no-answer' }),
  ]);
  expect(problems.map(({ hop, code, instances }) => [hop, code, instances])).toEqual([
    [null, 'CONNECTION_TIMEOUT', ['b', 'c']],
    [null, 'AUTHENTICATION_FAILED', ['a']],
    [null, 'TARGET_UNREACHABLE', ['f']],
    [null, 'TARGET_UNREACHABLE', ['g']],
  ]);
});
