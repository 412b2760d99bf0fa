import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Lab, LabInventory } from '../lab.ts';
import { plantSecret } from '../run-folder.ts';
import { type Dump, Mariadb } from './mariadb.ts';

const run = promisify(execFile);
const filler = fileURLToPath(new URL('fill.py', import.meta.url));
const recorded = new URL('../../adopt/recorded/sahara-035.json', import.meta.url);

/** In place of the keys in what was recorded. */
const keyMark = '(the private key)';
const publicMark = '(the public key)';

export const tenants = {
  one: '6fd0c1e8a4d04e2c8b7f3a9d5e1c2b00',
  other: 'c0ffee00a4d04e2c8b7f3a9d5e1c2b11',
} as const;

interface Described {
  readonly name: string;
  readonly tenant: string;
  readonly user: string;
  readonly status?: string;
  readonly private_key?: string;
  readonly groups: readonly {
    readonly name: string;
    readonly proxy?: boolean;
    readonly processes?: readonly string[];
    readonly machines: readonly {
      readonly name: string;
      readonly server: string;
      readonly internal_ip: string | null;
      readonly management_ip: string | null;
    }[];
  }[];
}

/** A Sahara whose clusters are the machines of a lab with two proxies and three machines. */
export interface SaharaBed {
  readonly database: Mariadb;
  /** For a machine that has lost its disk. */
  letIn(lab: Lab, clusterId: string): Promise<void>;
  /** Whether the machine lets in who has the key of that file and no other. */
  opens(lab: Lab, internalIp: string, keyFile: string): Promise<boolean>;
  stop(): Promise<void>;
}

/** Filled by Debian's Sahara, now. */
export async function debianSahara(lab: Lab): Promise<SaharaBed> {
  const database = await Mariadb.start();
  await fillByDebian(database.url(), lab);
  return await stand(lab, database);
}

/** An empty database becomes one of Sahara, with the machines of the lab. `connection`: SQLAlchemy's URL. */
export async function fillByDebian(connection: string, lab: Lab): Promise<void> {
  const input = JSON.stringify({ connection, clusters: describe(lab) });
  await new Promise<void>((resolve, reject) => {
    const child = spawn('/usr/bin/python3', ['-B', filler], { stdio: ['pipe', 'ignore', 'pipe'] });
    let told = '';
    child.stderr.on('data', (chunk) => {
      told += chunk;
    });
    child.once('error', reject);
    child.once('close', (status) =>
      status === 0 ? resolve() : reject(new Error(`fill.py ended with ${status}: ${told.slice(-4000)}`)),
    );
    child.stdin.end(input);
  });
}

/** As Debian's Sahara filled it when it was recorded, with another key. */
export async function recordedSahara(lab: Lab): Promise<SaharaBed> {
  const [database, text, key] = await Promise.all([Mariadb.start(), readFile(recorded, 'utf8'), rsaKey()]);
  const dump = JSON.parse(text) as Dump;
  for (const row of dump.clusters?.rows ?? []) {
    if (row.management_private_key === keyMark) row.management_private_key = key.privateKey;
    if (row.management_public_key === publicMark) row.management_public_key = key.publicKey;
  }
  await database.load(dump);
  return await stand(lab, database);
}

/** Keeps what Sahara wrote, without its keys. */
export async function record({ database }: SaharaBed): Promise<void> {
  const dump = await database.dump();
  for (const row of dump.clusters?.rows ?? []) {
    if (String(row.management_private_key).includes('PRIVATE KEY')) row.management_private_key = keyMark;
    row.management_public_key = publicMark;
  }
  await writeFile(recorded, `${JSON.stringify(dump, null, 1)}\n`);
}

/** The machines let in Sahara's key of their cluster, besides the lab's. */
async function stand(lab: Lab, database: Mariadb): Promise<SaharaBed> {
  const dump = await database.dump();
  const clusters = dump.clusters?.rows ?? [];
  const bed: SaharaBed = {
    database,
    async letIn({ inventory, inController }, clusterId) {
      const groups = dump.node_groups?.rows.filter(({ cluster_id }) => cluster_id === clusterId) ?? [];
      const ids = new Set(groups.map(({ id }) => id));
      const line = String(clusters.find(({ id }) => id === clusterId)?.management_public_key).trim();
      const own = dump.instances?.rows.filter(({ node_group_id }) => ids.has(node_group_id)) ?? [];
      await Promise.all(
        own.map(({ internal_ip: ip }) => letIn({ inventory, inController }, String(ip), line)),
      );
    },
    async opens({ inventory, inController }, ip, keyFile) {
      const argv = sshTo(inventory, ip, keyFile, 'true');
      return (await inController(argv)).status === 0;
    },
    stop: () => database.stop(),
  };
  for (const { id, management_private_key: key } of clusters) {
    const secret = String(key).split('\n')[3];
    if (secret !== undefined) plantSecret('management key of Sahara', secret);
    await bed.letIn(lab, String(id));
  }
  return bed;
}

async function letIn(
  { inventory, inController }: Pick<Lab, 'inventory' | 'inController'>,
  ip: string,
  line: string,
) {
  if (![...inventory.proxies, ...inventory.machines].some(({ internalIp }) => internalIp === ip)) return;
  const argv = sshTo(inventory, ip, inventory.privateKeyPath, 'cat >> .ssh/authorized_keys');
  const done = await inController(argv, { input: `${line}\n` });
  if (done.status !== 0) throw new Error(`${ip} does not let Sahara in: ${done.stderr}`);
}

/** Through the first proxy, with the lab's own key, to a machine that is asked for another one. */
function sshTo(inventory: LabInventory, ip: string, keyFile: string, command: string): string[] {
  const proxy = inventory.proxies.find(({ internalIp }) => internalIp === ip);
  const options = ['-F', '/dev/null', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'];
  options.push('-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-o', 'IdentitiesOnly=yes');
  const entrance = `${inventory.user}@${(proxy ?? inventory.proxies[0])?.externalIp}`;
  const jump = ['ssh', ...options, '-i', inventory.privateKeyPath, '-W', '%h:%p', entrance].join(' ');
  const way = proxy ? [entrance] : ['-o', `ProxyCommand=${jump}`, `${inventory.user}@${ip}`];
  return ['ssh', ...options, '-i', keyFile, ...way, command];
}

async function rsaKey(): Promise<{ privateKey: string; publicKey: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'wadi-rsa-'));
  try {
    const file = path.join(folder, 'key');
    // As Sahara does (its utils/crypto.py).
    const argv = [
      '-q',
      '-N',
      '',
      '-m',
      'PEM',
      '-t',
      'rsa',
      '-b',
      '2048',
      '-C',
      'Generated-by-Sahara',
      '-f',
      file,
    ];
    await run('ssh-keygen', argv);
    const [privateKey, publicKey] = await Promise.all([
      readFile(file, 'utf8'),
      readFile(`${file}.pub`, 'utf8'),
    ]);
    return { privateKey, publicKey };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function describe({ inventory: { proxies, machines, user } }: Lab): Described[] {
  const server = (n: number) => `11111111-1111-4111-8111-${String(n).padStart(12, '0')}`;
  const gateway = (cluster: string, place: number) => ({
    name: 'gateway',
    proxy: true,
    processes: ['namenode', 'resourcemanager'],
    machines: [
      {
        name: `${cluster}-gateway-0`,
        server: server(place),
        internal_ip: proxies[place]?.internalIp ?? '',
        management_ip: proxies[place]?.externalIp ?? '',
      },
    ],
  });
  const workers = (cluster: string, places: readonly number[]) => ({
    name: 'worker',
    processes: ['datanode', 'nodemanager'],
    machines: places.map((place, n) => ({
      name: `${cluster}-worker-${n}`,
      server: server(10 + place),
      internal_ip: machines[place]?.internalIp ?? '',
      // Sahara's way to say that it has no floating address (service/networks.py).
      management_ip: machines[place]?.internalIp ?? '',
    })),
  });
  const nowhere = {
    name: 'lost-worker-0',
    server: server(90),
    internal_ip: '10.77.250.250',
    management_ip: '198.18.0.250',
  };
  const { one, other } = tenants;
  return [
    { name: 'hadoop-1', tenant: one, user, groups: [gateway('hadoop-1', 0), workers('hadoop-1', [0, 1])] },
    { name: 'hadoop-2', tenant: one, user, groups: [gateway('hadoop-2', 1), workers('hadoop-2', [2])] },
    { name: 'hadoop-1', tenant: other, user, groups: [{ name: 'worker', machines: [nowhere] }] },
    {
      name: 'growing',
      tenant: one,
      user,
      status: 'Scaling: Waiting',
      groups: [
        {
          name: 'worker',
          machines: [{ ...nowhere, name: 'growing-worker-0', internal_ip: null, management_ip: null }],
        },
      ],
    },
    {
      name: 'keyless',
      tenant: one,
      user,
      private_key: '9b1f0c52-6a55-4b39-8e5c-5a0d0c1b7c11',
      groups: [{ name: 'worker', machines: [{ ...nowhere, name: 'keyless-worker-0', server: server(91) }] }],
    },
  ];
}
