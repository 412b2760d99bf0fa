import { describe, expect, it } from 'vitest';
import { connectionKey } from './connection-key.ts';
import type { Machine, Route, SshHop } from './route.ts';

const none = new Map<string, string>();

function machine(id: string, overrides: Partial<Machine> = {}): Machine {
  const hostKey = { kind: 'pinned', keys: [`ssh-ed25519 ${id}`] } as const;
  return { id, name: id, host: '10.0.0.5', port: 22, user: 'debian', credential: 'c', hostKey, ...overrides };
}

function route(end: Machine, proxy: Machine = machine('proxy'), hop: Partial<SshHop> = {}): Route {
  return { hops: [{ kind: 'tcp' }, { kind: 'ssh', machine: proxy, relay: 'auto', ...hop }], machine: end };
}

const base = connectionKey(route(machine('a')), none);

describe('connectionKey', () => {
  it('is the same wherever the machine is: addresses change, machines do not', () => {
    const moved = machine('a', { host: '10.9.9.9', port: 2222, name: 'renamed' });
    expect(connectionKey(route(moved), none)).toBe(base);
  });

  it('ignores the order and the comments of pinned keys', () => {
    const keys = (...all: string[]) => machine('a', { hostKey: { kind: 'pinned', keys: all } });
    expect(connectionKey(route(keys('ssh-rsa B root@a', 'ssh-ed25519 A')), none)).toBe(
      connectionKey(route(keys('ssh-ed25519 A', 'ssh-rsa B')), none),
    );
  });

  it.each([
    ['machine with the same address', route(machine('b'))],
    ['user', route(machine('a', { user: 'root' }))],
    ['credential', route(machine('a', { credential: 'other' }))],
    ['host key', route(machine('a', { hostKey: { kind: 'pinned', keys: ['ssh-ed25519 X'] } }))],
    ['proxy', route(machine('a'), machine('proxy-2'))],
    ["proxy's credential", route(machine('a'), machine('proxy', { credential: 'other' }))],
    ['relay setting', route(machine('a'), machine('proxy'), { relay: 'nc' })],
    ['jump-only setting', route(machine('a'), machine('proxy'), { jumpOnly: true })],
    ['way without a proxy', { hops: [{ kind: 'tcp' }], machine: machine('a') } as Route],
  ])('differs for another %s', (_what, other) => {
    expect(connectionKey(other, none)).not.toBe(base);
  });

  it('equals that of the pinned machine once a first contact has taught its key', () => {
    const unknown = route(machine('a', { hostKey: { kind: 'first-contact' } }));
    expect(connectionKey(unknown, none)).not.toBe(base);
    expect(connectionKey(unknown, new Map([['a', 'ssh-ed25519 a']]))).toBe(base);
  });
});
