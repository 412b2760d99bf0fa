import { describe, expect, it } from 'vitest';
import { type MachineHealth, machineChecks, overallHealth } from './verification.ts';

const machine = (name: string, more: Partial<MachineHealth> = {}): MachineHealth => ({
  ...{ name, address: `ip-${name}`, isProxy: false, through: 'p0', milliseconds: 7, problem: null },
  ...more,
});
const proxy = (name: string, more: Partial<MachineHealth> = {}) =>
  machine(name, { isProxy: true, through: null, milliseconds: 4, ...more });

describe('the checks of a cluster', () => {
  it('say hop by hop how long its machines take', () => {
    const checks = machineChecks([
      ...[proxy('p0'), proxy('p1', { milliseconds: null })],
      ...[machine('a'), machine('b', { milliseconds: 6 }), machine('c', { milliseconds: 900 })],
    ]);
    expect(overallHealth(checks)).toBe('GREEN');
    expect(checks.map(({ description }) => description)).toEqual([
      'All instances are available',
      'p0 answers in 4.0 ms, the 3 behind it answer in 7.0 ms, 3.0 ms of them after the proxy; p1 is available',
    ]);
  });

  it('name the machines that do not answer, and each cause once', () => {
    const problem = 'p0 (channel, TARGET_UNREACHABLE): no';
    const [check] = machineChecks([proxy('p0'), machine('a', { problem }), machine('b', { problem })]);
    expect(check).toEqual({
      name: 'Check of instances accessibility',
      status: 'RED',
      description:
        'Cluster health is RED. Reason: Instances (ip-a, ip-b) are not available in the cluster. ' +
        `a, b: ${problem}`,
    });
  });

  it('are one for a cluster without proxies, and for one of nothing else', () => {
    expect(machineChecks([machine('a', { through: null })])).toHaveLength(1);
    expect(machineChecks([proxy('p0', { problem: 'off' })])).toMatchObject([{ status: 'RED' }]);
    expect(machineChecks([])).toMatchObject([{ status: 'GREEN' }]);
  });

  it('are yellow together when one is and none is red', () => {
    const machines = [proxy('p0'), proxy('p1', { problem: 'off' }), machine('a')];
    expect(overallHealth(machineChecks(machines))).toBe('YELLOW');
    expect(overallHealth(machineChecks([proxy('p0', { problem: 'off' }), machine('a')]))).toBe('RED');
  });
});
