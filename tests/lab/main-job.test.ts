import { expect, test } from 'vitest';
import { type LabOptions, labUp } from '../set-up/lab.ts';
import type { MainJob } from './driver-main-job.ts';

async function mainJob(options: Omit<LabOptions, 'machines'>): Promise<MainJob> {
  const lab = await labUp({ machines: 1, ...options });
  try {
    const input = { inventory: lab.inventory, privateKey: lab.privateKey };
    return (await lab.drive('tests/lab/driver-main-job.ts', input, { timeout: 120_000 })) as MainJob;
  } finally {
    await lab.down();
  }
}

const forbidden = { noForwarding: true } as const;

test.each<[string, Omit<LabOptions, 'machines'>, string]>([
  ['with sshd as it comes', {}, 'direct-tcpip'],
  ['with forwarding forbidden', forbidden, 'nc'],
  ['without nc', { ...forbidden, without: ['nc'] }, 'ncat'],
  ['without nc and ncat', { ...forbidden, without: ['nc', 'ncat'] }, 'socat'],
  ['without nc, ncat and socat', { ...forbidden, without: ['nc', 'ncat', 'socat'] }, 'devtcp'],
  ['on a proxy whose user may not log in', { jumpOnly: 'nologin' }, 'direct-tcpip'],
  ['on a proxy with a forced command', { jumpOnly: 'force-command' }, 'direct-tcpip'],
  ['on a proxy without sessions', { jumpOnly: 'no-session' }, 'direct-tcpip'],
  ['40 ms away', { rttMs: 40 }, 'direct-tcpip'],
])(
  '%s, a machine without any other way in does the main job',
  async (_, options, relay) => {
    const { checksums = [], ...facts } = await mainJob(options);
    expect(facts).toEqual({
      direct: 'ENETUNREACH',
      relay,
      hostname: 'machine-1',
      page: 'hello from machine-1\n',
    });
    expect(checksums).toEqual([checksums[0], checksums[0], checksums[0]]);
    expect(checksums[0]).toMatch(/^[0-9a-f]{64}$/);
  },
  180_000,
);

test('a proxy that forbids forwarding and lacks every relay is named', async () => {
  const { error } = await mainJob({ ...forbidden, without: ['nc', 'ncat', 'socat', 'bash'] });
  expect(error).toEqual({ code: 'NO_RELAY', hop: 'proxy-1' });
}, 120_000);
