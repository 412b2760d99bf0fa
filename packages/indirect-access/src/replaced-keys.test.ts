import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { HostKeyTrust } from './route.ts';
import { direct, TestBed } from './test-access.ts';
import { makeKey, type TestSshd } from './test-sshd.ts';

const bed = new TestBed();
const other = makeKey();
const third = makeKey('rsa');
let server: TestSshd;

beforeAll(async () => {
  server = await bed.sshd('machine');
});
afterEach(() => bed.reset());
afterAll(() => bed.stop());

const trusting = (key: string, more: object = {}) =>
  direct(server.machine({ hostKey: { kind: 'pinned', keys: [key], ...more } as HostKeyTrust }));

test('of several keys of a credential any may be the one that is let in', async () => {
  for (const identities of [
    [bed.key, other],
    [other, third, bed.key],
  ]) {
    const access = bed.access({ identity: () => identities });
    expect((await access.exec(direct(server.machine()), ['echo', 'in'])).stdout.toString()).toBe('in\n');
  }
  const access = bed.access({ identity: () => [other, third] });
  await expect(access.connect(direct(server.machine()))).rejects.toMatchObject({
    code: 'AUTHENTICATION_FAILED',
  });
});

test('a key that was replaced while the connection came about is asked for once more', async () => {
  const given = [other, bed.key, bed.key];
  const access = bed.access({ identity: () => given.shift() ?? other });
  await access.connect(direct(server.machine()));
  expect(given).toHaveLength(1);

  let asked = 0;
  const refused = bed.access({
    identity: () => {
      asked += 1;
      return other;
    },
  });
  await expect(refused.connect(direct(server.machine()))).rejects.toMatchObject({
    code: 'AUTHENTICATION_FAILED',
  });
  expect(asked).toBe(2);
});

test('a host key that was pinned since the route was planned is taken, but not where exactly that one is wanted', async () => {
  const asked: string[] = [];
  const access = bed.access({
    wasPinnedSince: async (machine, key) => {
      asked.push(machine.id);
      return key === server.hostKey.split(' ').slice(0, 2).join(' ');
    },
  });
  await access.connect(trusting(other.publicKey));
  expect(asked).toEqual([server.machine().id]);
  expect(bed.eventTypes()).toEqual(['connected']);
  await expect(access.connect(trusting(other.publicKey, { exactly: true }))).rejects.toMatchObject({
    ...{ code: 'HOST_KEY_MISMATCH' },
  });
  const strict = bed.access({ wasPinnedSince: async () => false });
  await expect(strict.connect(trusting(other.publicKey))).rejects.toMatchObject({
    ...{ code: 'HOST_KEY_MISMATCH' },
  });
});

test('a check opens a connection of its own each time, and leaves none', async () => {
  const access = bed.access();
  const route = direct(server.machine());
  await access.check(route);
  await access.check(route);
  await expect.poll(() => access.stats().connections.length).toBe(0);
  expect(bed.eventTypes().filter((type) => type === 'connected')).toHaveLength(2);
});
