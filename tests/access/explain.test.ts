import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Deadlines } from '@wadi/indirect-access';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AccessSettings, InstanceFacts } from '../../packages/controller/src/access/cluster-facts.ts';
import { type Lab, type LabMachine, labUp } from '../set-up/lab.ts';
import type { ExplainCase, ExplainInput, ExplainOutput } from './explain-driver.ts';

const run = promisify(execFile);
const scriptOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

interface Fault {
  readonly what: string;
  /** Which of the lab's stand for the cluster's proxy and machine; absent: `proxy-1`, `machine-1`. */
  readonly proxy?: string | null;
  readonly machine?: string;
  readonly second?: string;
  /** What the cluster knows of them, where it is not the truth. */
  readonly ofProxy?: Partial<InstanceFacts>;
  readonly ofMachine?: Partial<InstanceFacts>;
  readonly allow?: readonly string[];
  /** Only where a phase ends by its deadline. */
  readonly deadlines?: Partial<Deadlines>;
  readonly power?: ExplainCase['power'];
  readonly expected: readonly [code: string, hop: string, phase: string, reason?: string];
}

const soon = 700;
const patient: Deadlines = {
  ...{ resolve: 30_000, dial: 30_000, banner: 30_000, keyExchange: 30_000, authentication: 30_000 },
  ...{ channel: 30_000, start: 30_000, prime: 30_000 },
};
/** What is asked of it depends on the port: see `rules`. */
const [dropped, reset, unreachable] = [2201, 2202, 2203];
const nobody = '198.18.0.77';
const other = {
  hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMVx6f0zF5Dg1nV0V2m0cO2lY8Yw3cWw2k4l5w1v8n1x'],
};

const faults: readonly Fault[] = [
  {
    what: 'a name that does not resolve',
    ofProxy: { managementIp: 'proxy.invalid' },
    deadlines: { resolve: soon },
    expected: ['NAME_NOT_RESOLVED', 'proxy-1', 'resolve'],
  },
  {
    what: 'an address outside of the allowed networks',
    allow: ['192.0.2.0/24'],
    expected: ['ADDRESS_NOT_ALLOWED', 'proxy-1', 'resolve'],
  },
  {
    what: 'a name that leads outside of the allowed networks',
    ofProxy: { managementIp: 'localhost' },
    allow: ['198.18.0.0/24'],
    expected: ['ADDRESS_NOT_ALLOWED', 'proxy-1', 'resolve'],
  },
  {
    what: 'a proxy where nothing listens',
    ofProxy: { managementPort: 2222 },
    expected: ['CONNECTION_REFUSED', 'proxy-1', 'dial'],
  },
  {
    what: 'a firewall that drops',
    ofProxy: { managementPort: dropped },
    deadlines: { dial: soon },
    expected: ['CONNECTION_TIMEOUT', 'proxy-1', 'dial'],
  },
  {
    what: 'a firewall that resets',
    ofProxy: { managementPort: reset },
    expected: ['CONNECTION_REFUSED', 'proxy-1', 'dial'],
  },
  {
    what: 'a firewall that says host unreachable',
    ofProxy: { managementPort: unreachable },
    expected: ['NETWORK_UNREACHABLE', 'proxy-1', 'dial'],
  },
  {
    what: 'a network that there is no way to',
    ofProxy: { managementIp: '203.0.113.7' },
    expected: ['NETWORK_UNREACHABLE', 'proxy-1', 'dial'],
  },
  {
    what: 'an address that nobody has',
    ofProxy: { managementIp: nobody },
    deadlines: { dial: soon },
    expected: ['CONNECTION_TIMEOUT', 'proxy-1', 'dial'],
  },
  {
    what: 'a peer that accepts and says nothing',
    ofProxy: { managementPort: 9101 },
    deadlines: { banner: soon },
    expected: ['NOT_SSH', 'proxy-1', 'banner'],
  },
  {
    what: 'a peer that is no SSH server',
    ofProxy: { managementPort: 9102 },
    expected: ['NOT_SSH', 'proxy-1', 'banner'],
  },
  {
    what: 'an sshd that takes no further connection',
    proxy: 'proxy-3',
    expected: ['OVERLOADED', 'proxy-3', 'banner'],
  },
  {
    what: 'an sshd with none of our algorithms',
    proxy: 'proxy-4',
    expected: ['KEY_EXCHANGE_FAILED', 'proxy-4', 'key-exchange'],
  },
  {
    what: 'a proxy with another host key',
    ofProxy: other,
    expected: ['HOST_KEY_MISMATCH', 'proxy-1', 'host-key'],
  },
  {
    what: 'a machine with another host key',
    ofMachine: other,
    expected: ['HOST_KEY_MISMATCH', 'machine-1', 'host-key'],
  },
  {
    what: 'a machine without a pinned host key',
    ofMachine: { hostKeys: [] },
    expected: ['HOST_KEY_REFUSED', 'machine-1', 'host-key'],
  },
  {
    what: 'a proxy that refuses the key',
    ofProxy: { credential: 'wrong' },
    expected: ['AUTHENTICATION_FAILED', 'proxy-1', 'authentication'],
  },
  {
    what: 'a machine that refuses the key',
    ofMachine: { credential: 'wrong' },
    expected: ['AUTHENTICATION_FAILED', 'machine-1', 'authentication'],
  },
  {
    what: 'a user that there is not',
    ofMachine: { loginUser: 'nobody-here' },
    expected: ['AUTHENTICATION_FAILED', 'machine-1', 'authentication'],
  },
  {
    what: 'a credential that is gone',
    ofMachine: { credential: 'none' },
    expected: ['AUTHENTICATION_FAILED', 'machine-1', 'authentication'],
  },
  {
    what: 'forwarding forbidden, and no relay',
    proxy: 'proxy-2',
    expected: ['NO_RELAY', 'proxy-2', 'relay'],
  },
  {
    what: 'forwarding forbidden, and no shell',
    proxy: 'proxy-5',
    expected: ['FORWARDING_FORBIDDEN', 'proxy-5', 'channel'],
  },
  {
    what: 'a machine whose sshd is dead',
    machine: 'machine-2',
    expected: ['TARGET_UNREACHABLE', 'machine-2', 'dial', 'refused'],
  },
  {
    what: 'a machine that a firewall cuts off from the proxy',
    machine: 'machine-3',
    deadlines: { channel: soon },
    expected: ['TARGET_UNREACHABLE', 'machine-3', 'dial', 'no-answer'],
  },
  {
    what: 'a network that the proxy has no way to',
    ofMachine: { internalIp: '203.0.113.9' },
    expected: ['TARGET_UNREACHABLE', 'machine-1', 'dial', 'no-route'],
  },
  {
    what: 'a name that the proxy does not know',
    ofMachine: { internalIp: 'machine.invalid' },
    expected: ['TARGET_UNREACHABLE', 'machine-1', 'dial', 'unknown-name'],
  },
  {
    what: 'a machine without power, in a cloud that cannot tell',
    machine: 'machine-6',
    deadlines: { channel: soon },
    expected: ['TARGET_UNREACHABLE', 'machine-6', 'dial', 'no-answer'],
  },
  {
    what: 'a machine without power, in a cloud that can tell',
    machine: 'machine-6',
    power: { 'machine-6': 'off' },
    expected: ['MACHINE_OFF', 'machine-6', 'power'],
  },
  {
    what: 'a proxy that is off, says the cloud',
    ofProxy: { managementPort: 2222 },
    power: { 'proxy-1': 'off', 'machine-1': 'on' },
    expected: ['MACHINE_OFF', 'proxy-1', 'power'],
  },
  {
    what: 'a machine that somebody deleted',
    machine: 'machine-6',
    power: { 'machine-6': 'gone' },
    expected: ['MACHINE_GONE', 'machine-6', 'power'],
  },
  {
    what: 'a login shell that runs nothing',
    machine: 'machine-4',
    expected: ['CHANNEL_REFUSED', 'machine-4', 'command'],
  },
  {
    what: 'an sshd that grants no session',
    machine: 'machine-5',
    expected: ['CHANNEL_REFUSED', 'machine-5', 'channel'],
  },
  {
    what: 'a machine without an address',
    ofMachine: { internalIp: null },
    expected: ['NO_ADDRESS', 'machine-1', 'facts'],
  },
  {
    what: 'a machine without a key',
    ofMachine: { credential: null },
    expected: ['NO_CREDENTIAL', 'machine-1', 'facts'],
  },
  { what: 'a cluster without a proxy', proxy: null, expected: ['NO_PROXY', 'machine-1', 'facts'] },
  {
    what: 'a proxy without an address to dial',
    ofProxy: { managementIp: null },
    expected: ['NO_PROXY_ADDRESS', 'machine-1', 'facts'],
  },
];

const config = (...lines: string[]) =>
  `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >> /etc/ssh/sshd_config && kill -HUP 1`;

/** Run as root on the machine, while it can still be reached. */
const breaks: ExplainInput['breaks'] = {
  'proxy-2': `sed -i s:/bin/bash:/bin/sh: /etc/passwd && rm -f $(for p in nc nc.openbsd nc.traditional netcat ncat socat bash rbash; do command -v $p; done) && ${config('AllowTcpForwarding no')}`,
  'proxy-3': config('MaxStartups 1:100:1'),
  'proxy-4': config('KexAlgorithms diffie-hellman-group14-sha256'),
  'proxy-5': config('AllowTcpForwarding no', 'ForceCommand /bin/false'),
  'machine-2': '(sleep 0.3; kill -TERM 1) </dev/null >/dev/null 2>&1 &',
  'machine-4': 'sed -i s:/bin/bash:/usr/sbin/nologin: /etc/passwd',
  'machine-5': config('MaxSessions 0'),
};

/** What works: plainly, with a second proxy that does not, and a proxy that gives no shell. */
const works: readonly Omit<Fault, 'what' | 'expected'>[] = [
  {},
  { second: 'proxy-4' },
  { machine: 'proxy-5', proxy: null },
];

let lab: Lab;
let peers: ChildProcess;
let found: ExplainOutput;

beforeAll(async () => {
  lab = await labUp({ machines: 6, proxies: 5 });
  peers = await startPeers('proxy-1');
  const filter = (machine: string, rule: string) => inNetworkOf(machine, ['nft', rule]);
  const first = lab.inventory.proxies[0]?.externalIp;
  const rules = [
    [dropped, 'drop'],
    [reset, 'reject with tcp reset'],
    [unreachable, 'reject with icmp type host-unreachable'],
  ] as const;
  await filter(
    'proxy-1',
    'add table ip faults; add chain ip faults in { type filter hook input priority 0; }',
  );
  for (const [port, verdict] of rules)
    await filter('proxy-1', `add rule ip faults in ip daddr ${first} tcp dport ${port} ${verdict}`);
  await filter(
    'machine-3',
    'add table ip faults; add chain ip faults in { type filter hook input priority 0; policy drop; }',
  );
  await lab.power('off', 'machine-6');
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const input: ExplainInput = {
    inventory: lab.inventory,
    keys: { lab: lab.privateKey, wrong: key.export({ format: 'pem', type: 'sec1' }).toString() },
    breaks,
    held: [{ host: addressOf('proxy-3'), port: 22 }],
    cases: [...faults, ...works].map(caseOf),
  };
  found = (await lab.drive(scriptOf('explain-driver.ts'), input, { timeout: 120_000 })) as ExplainOutput;
});
afterAll(async () => {
  peers?.kill('SIGKILL');
  await lab?.down();
});

it.each(faults)('names hop, phase and cause of $what', (fault) => {
  const { finding, routes } = found[faults.indexOf(fault)] as ExplainOutput[number];
  const [code, hop, phase, reason = null] = fault.expected;
  expect(finding).toMatchObject({ reachable: false, code, hop, phase, reason });
  expect(finding.message).toContain(hop);
  expect(finding.hint).toEqual(expect.any(String));
  const failed = routes.map(({ steps }) => steps.filter(({ ok }) => !ok));
  // What comes before the step that fails is good, and nothing comes after it.
  for (const steps of failed) expect(steps).toHaveLength(1);
});

it('tells of a machine that can be reached, and of the way that fails', () => {
  const [plain, spare, jumpOnly] = found.slice(faults.length) as ExplainOutput;
  expect(plain?.finding).toMatchObject({ reachable: true, code: null, route: 'tcp > proxy-1 > machine-1' });
  expect(plain?.routes[0]?.steps.map(({ hop, phase }) => `${hop} ${phase}`)).toEqual([
    ...login.map((phase) => `proxy-1 ${phase}`),
    ...login.map((phase) => `machine-1 ${phase}`),
    'machine-1 command',
  ]);
  expect(spare?.finding).toMatchObject({ reachable: true, route: 'tcp > proxy-1 > machine-1' });
  expect(spare?.finding.message).toContain('proxy-4 (key-exchange, KEY_EXCHANGE_FAILED)');
  expect(spare?.routes.map(({ reachable }) => reachable)).toEqual([true, false]);
  expect(jumpOnly?.finding).toMatchObject({ reachable: true, route: 'tcp > proxy-5' });
});

const login = ['dial', 'banner', 'key-exchange', 'host-key', 'authentication'];

function caseOf(fault: Omit<Fault, 'what' | 'expected'>): ExplainCase {
  const { proxy = 'proxy-1', second, machine = 'machine-1', ofProxy, ofMachine, allow } = fault;
  const instances = [
    ...(proxy === null ? [] : [{ ...factsOf(proxy, 0), ...ofProxy }]),
    ...(second === undefined ? [] : [factsOf(second, 1)]),
    { ...factsOf(machine, 2), ...ofMachine },
  ];
  const settings: AccessSettings = {
    relay: 'auto',
    trustFirstContact: false,
    proxyPolicy: 'balanced',
    directWhenFaster: false,
    ...(allow ? { allow } : {}),
  };
  return {
    facts: { clusterId: 'c', clusterName: 'faults', instances },
    settings,
    machine,
    // Healthy phases may take as long as they like.
    deadlines: { ...patient, ...fault.deadlines },
    power: fault.power ?? {},
  };
}

function factsOf(name: string, index: number): InstanceFacts {
  const proxy = lab.inventory.proxies.find((one) => one.name === name);
  const one: LabMachine | undefined = proxy ?? lab.inventory.machines.find((each) => each.name === name);
  if (!one) throw new Error(`the lab has no ${name}`);
  return {
    ...{ id: name, name, index, nodeGroupId: 'g', nodeGroupName: 'g', groupPosition: 0 },
    ...{ isProxy: proxy !== undefined, internalIp: one.internalIp, managementIp: proxy?.externalIp ?? null },
    ...{ sshPort: 22, managementPort: null, loginUser: lab.inventory.user, credential: 'lab' },
    hostKeys: one.hostKeys,
  };
}

function addressOf(proxy: string): string {
  return lab.inventory.proxies.find((one) => one.name === proxy)?.externalIp ?? proxy;
}

async function inNetworkOf(machine: string, argv: readonly string[]): Promise<void> {
  const [program = '', ...rest] = lab.machineArgv(machine, argv);
  await run(program, rest);
}

async function startPeers(machine: string): Promise<ChildProcess> {
  const argv = [process.execPath, '--import', 'tsx', scriptOf('odd-peers.ts')];
  const [program = '', ...rest] = lab.machineArgv(machine, argv);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}
