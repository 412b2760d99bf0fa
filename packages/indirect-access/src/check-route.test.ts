import { describe, expect, it } from 'vitest';
import { checkRoute } from './check-route.ts';
import type { Machine } from './route.ts';

const machine: Machine = {
  id: '1',
  name: 'worker-1',
  host: '10.0.0.1',
  port: 22,
  user: 'debian',
  credential: 'key',
  hostKey: { kind: 'pinned', keys: ['ssh-ed25519 AAAA'] },
};
const check = (overrides: Partial<Machine>) => () =>
  checkRoute({ hops: [{ kind: 'tcp' }], machine: { ...machine, ...overrides } });

describe('checkRoute', () => {
  it.each(['10.0.0.1', 'fd00::1', 'worker-1', 'worker_1.internal.', 'localhost', 'a.b-c.d'])(
    'takes the host %s',
    (host) => {
      expect(check({ host })).not.toThrow();
    },
  );

  it.each([
    { host: '-oProxyCommand=id' },
    { host: '10.0.0.1;id' },
    { host: '$(id)' },
    { host: 'a b' },
    { host: 'a\nb' },
    { host: '' },
    { host: 'fe80::1%eth0' },
    { host: 'a..b' },
    { host: '[::1]' },
    { host: `${'a'.repeat(254)}` },
    { port: 0 },
    { port: 65_536 },
    { port: 22.5 },
    { port: Number.NaN },
    { user: '' },
    { user: '-l' },
    { user: 'root\n' },
    { user: 'a\0b' },
    { hostKey: { kind: 'pinned', keys: [] } } as const,
  ])('refuses %j', (overrides) => {
    expect(check(overrides)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
