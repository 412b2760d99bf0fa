import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, TestBed, through } from './test-access.ts';
import type { TestSshd } from './test-sshd.ts';

const bed = new TestBed();
let inner: TestSshd;

beforeAll(async () => {
  inner = await bed.sshd('inner');
});
afterEach(() => bed.reset());
afterAll(() => bed.stop());

const kinds = [
  ['a ForceCommand that refuses', ['ForceCommand /bin/false']],
  ['a ForceCommand that says something else', ['ForceCommand echo "This account is for jumps only"']],
  ['no session channels', ['MaxSessions 0']],
] as const;

describe('a proxy that gives no shell', () => {
  it.each(kinds)('with %s works, and is found out', async (_kind, config) => {
    const proxy = await bed.sshd('proxy', config);
    const access = bed.access();
    const route = through(proxy.machine(), inner.machine());
    expect(String((await access.exec(route, 'echo reached')).stdout)).toBe('reached\n');
    expect(await eventually(() => bed.eventTypes().includes('jump-only-found'))).toBe(true);
  });

  it('with a ForceCommand that hangs works without waiting for it', async () => {
    const proxy = await bed.sshd('proxy', ['ForceCommand sleep 5']);
    const access = bed.access({ deadlines: { prime: 300 } });
    const route = through(proxy.machine(), inner.machine());
    expect(String((await access.exec(route, 'echo reached')).stdout)).toBe('reached\n');
    expect(await eventually(() => bed.eventTypes().includes('jump-only-found'))).toBe(true);
  });

  it('is never asked to run anything when that is known', async () => {
    const proxy = await bed.sshd('proxy', [
      'ForceCommand echo "ran: $SSH_ORIGINAL_COMMAND"',
      'LogLevel DEBUG1',
    ]);
    const access = bed.access();
    const route = through(proxy.machine(), inner.machine(), { jumpOnly: true });
    expect((await access.exec(route, 'true')).status).toBe(0);
    await access.close();
    expect(proxy.log()).not.toMatch(/server_input_channel_open: ctype session/);
    expect(bed.eventTypes()).not.toContain('jump-only-found');
  });

  it.each(kinds)(
    'with %s that forbids forwarding too is told so, and not asked for relays',
    async (_kind, config) => {
      const proxy = await bed.sshd('proxy', [...config, 'AllowTcpForwarding no']);
      const access = bed.access();
      const route = through(proxy.machine(), inner.machine());
      await expect(access.exec(route, 'true')).rejects.toMatchObject({
        code: 'FORWARDING_FORBIDDEN',
        hop: 'proxy',
      });
    },
  );
});
