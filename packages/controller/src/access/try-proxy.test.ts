import { createServer, type Server } from 'node:net';
import { IndirectAccess } from '@wadi/indirect-access';
import { afterEach, expect, it } from 'vitest';
import type { AccessSettings, ClusterFacts, InstanceFacts } from './cluster-facts.ts';
import { generateManagementKey } from './management-key.ts';
import { tryAsProxy } from './try-proxy.ts';

const settings: AccessSettings = {
  allow: ['127.0.0.1/32'],
  relay: 'auto',
  trustFirstContact: true,
  proxyPolicy: 'balanced',
  directWhenFaster: false,
};
const machine: InstanceFacts = {
  ...{ id: 'm', name: 'm', nodeGroupId: 'g', nodeGroupName: 'g', groupPosition: 0, index: 0 },
  ...{ isProxy: false, internalIp: '10.0.0.1', managementIp: null, sshPort: 22, managementPort: null },
  ...{ loginUser: 'wadi', credential: 'key', hostKeys: ['ssh-ed25519 AAAA'] },
};
const proxy = { ...machine, id: 'p', name: 'p', isProxy: true, managementIp: '127.0.0.1' };

let server: Server | undefined;
afterEach(() => server?.close());

async function problemOf(
  instance: InstanceFacts,
  door: { address: string; port: number | null } | null,
): Promise<string | null> {
  const access = new IndirectAccess({ identity: () => generateManagementKey('test') });
  const facts: ClusterFacts = { clusterId: 'c', clusterName: 'c', instances: [proxy, instance] };
  const explainer = access.explainer();
  try {
    return await tryAsProxy(explainer, facts, settings, { instance, door }, new AbortController().signal);
  } finally {
    await explainer.close();
    await access.close();
  }
}

/** A port of this computer that counts who comes. */
async function countingPort(): Promise<{ port: number; knocks: () => number }> {
  let knocks = 0;
  const listening = createServer((socket) => {
    knocks += 1;
    socket.destroy();
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return { port: (listening.address() as { port: number }).port, knocks: () => knocks };
}

it('a machine without an address that the controller can dial is none, though there is a proxy before it', async () => {
  expect(await problemOf(machine, null)).toContain('no address');
});

it('a machine whose host key is not pinned is not even dialled, also where first contacts are trusted', async () => {
  const { port, knocks } = await countingPort();
  const unknown = { ...machine, hostKeys: [] };
  expect(await problemOf(unknown, { address: '127.0.0.1', port })).toContain('host key');
  expect(knocks()).toBe(0);
});

it('an address outside of the allowed networks is not dialled', async () => {
  expect(await problemOf(machine, { address: '192.0.2.1', port: 22 })).toContain('192.0.2.1');
});

it('a machine that does not let us in is none', async () => {
  const { port, knocks } = await countingPort();
  expect(await problemOf(machine, { address: '127.0.0.1', port })).toMatch(/^m: /);
  expect(knocks()).toBeGreaterThan(0);
});
