import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { parseDatabaseUrl } from '../../packages/cli/src/sahara/database-url.ts';
import { openReadOnly } from '../../packages/cli/src/sahara/open-database.ts';
import { type Answer, LabController } from '../access/lab-controller.ts';
import { createDatabase } from '../set-up/database.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import type { Dump } from '../set-up/sahara/mariadb.ts';
import {
  debianSahara,
  fillByDebian,
  record,
  recordedSahara,
  type SaharaBed,
  tenants,
} from '../set-up/sahara/sahara-bed.ts';
import { WadiAdopt } from './wadi-adopt.ts';

/** `debian`: Sahara's own code fills the database now; `record`: and what it wrote is kept. Else what was kept is used. */
const mode = process.env.WADI_ADOPT ?? 'recorded';
const thorough = mode !== 'recorded';

vi.setConfig({ testTimeout: 120_000 });

let lab: Lab;
let sahara: SaharaBed;
let wadi: LabController;
let cli: WadiAdopt;
let before: Dump;
let config: string;
const adopt = (...args: string[]) => cli.run(['adopt', '--sahara-config', config, ...args]);
const rowsOf = (table: string) => before[table]?.rows ?? [];
const idOf = (name: string, tenant: string = tenants.one) =>
  String(rowsOf('clusters').find((row) => row.name === name && row.tenant_id === tenant)?.id);

/** Whether machines of hadoop-1 let in who has the key of that file: the gateway, the workers. */
function mayLogIn(keyFile: string): Promise<boolean[]> {
  const { proxies, machines } = lab.inventory;
  const all = [proxies[0], machines[0], machines[1]].map((machine) => machine?.internalIp ?? '');
  return Promise.all(all.map((ip) => sahara.opens(lab, ip, keyFile)));
}

beforeAll(async () => {
  lab = await labUp({ machines: 3, proxies: 2 });
  [sahara, wadi] = await Promise.all([
    mode === 'recorded' ? recordedSahara(lab) : debianSahara(lab),
    LabController.start(lab),
  ]);
  if (mode === 'record') await record(sahara);
  cli = new WadiAdopt(lab, wadi);
  config = cli.saharaConfig(sahara.database.url());
  before = await sahara.database.dump();
});
afterAll(async () => {
  await wadi?.stop();
  await sahara?.stop();
  await lab?.down();
});

describe('the clusters of a Sahara', () => {
  it('are listed from its database, with what is in the way', async () => {
    const listed = await adopt();
    expect(listed.stderr).toBe('');
    expect(listed.status).toBe(0);
    expect(listed.stdout).toMatch(
      new RegExp(
        `^hadoop-1 +${idOf('hadoop-1')} +${tenants.one} +vanilla 2.7.5 +Active +3 +1 +can be adopted$`,
        'm',
      ),
    );
    expect(listed.stdout).toMatch(
      /^growing .* it is Scaling: Waiting, not Active; machine .* has no address$/m,
    );
    expect(listed.stdout).toMatch(/^keyless .* its management key is not in the database$/m);
    const { stdout } = await adopt('--json');
    expect(stdout).not.toContain('PRIVATE');
    expect(stdout).not.toContain('trust');
    const [cluster] = JSON.parse(stdout).filter((each: Answer['body']) => each.id === idOf('hadoop-1'));
    expect(cluster).toMatchObject({
      heat_stack: `hadoop-1-${idOf('hadoop-1').slice(0, 8)}`,
      problems: [],
      adoption: null,
    });
  });
});

describe('what is in the way', () => {
  it('of the database is told, without its password, and nothing is begun', async () => {
    const { database } = sahara;
    const url = database.url();
    const [, password = ''] = /:\/\/sahara:([^@]*)@/.exec(url) ?? [];
    const everyday: readonly (readonly [string, string, number])[] = [
      [url.replace(password, 'wrong-password'), 'it does not let this user in', 1],
      ['mysql+pymysql://sahara:secret@127.0.0.1:1/sahara', 'nothing listens there', 1],
    ];
    const others: typeof everyday = [
      [url.replace('/sahara?', '/nothing?'), 'it does not let this user in', 1],
      [url.replace('/socket', '/none'), 'nothing listens there', 1],
      ['sqlite:////var/lib/sahara/sahara.sqlite', 'MySQL, MariaDB and PostgreSQL can be read', 2],
      ['mysql+pymysql://sahara:secret/sahara', 'this is no URL of a database', 2],
      ['', 'has no "connection" in its section [database]', 2],
    ];
    for (const [connection, reason, status] of thorough ? [...everyday, ...others] : everyday) {
      const file = cli.saharaConfig(connection, 'wrong.conf');
      const ended = await cli.run(['adopt', 'hadoop-1', '--sahara-config', file]);
      expect([ended.status, ended.stdout, ended.stderr]).toEqual([
        status,
        '',
        expect.stringContaining(reason),
      ]);
      for (const secret of [password, 'wrong-password', 'secret']) expect(ended.stderr).not.toContain(secret);
    }
    const missing = await cli.run(['adopt', '--sahara-config', '/nowhere/sahara.conf']);
    expect(missing).toMatchObject({ status: 2, stderr: expect.stringContaining('cannot read') });
  });

  it('of the schema is told: another version, or no Sahara at all', async () => {
    const admin = await sahara.database.admin();
    await admin.query("update sahara.alembic_version set version_num = '033'");
    const older = await adopt();
    await admin.query('rename table sahara.alembic_version to sahara.other');
    const foreign = await adopt();
    await admin.query('rename table sahara.other to sahara.alembic_version');
    await admin.query("update sahara.alembic_version set version_num = '035'");
    expect(older).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/the schema of this database is 033.*\n.*sahara-db-manage/),
    });
    expect(foreign).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('this is no database of Sahara'),
    });
  });

  it('of a cluster is told: its name, its state, its key, its project', async () => {
    const unknown = await adopt('hadoop-9');
    expect(unknown).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('It has: growing, hadoop-1'),
    });
    const twice = await adopt('hadoop-1');
    expect(twice.status).toBe(2);
    expect(twice.stderr).toContain('Sahara has 2 clusters named hadoop-1');
    expect(twice.stderr).toContain(`${idOf('hadoop-1', tenants.other)} (project ${tenants.other})`);
    const two = await adopt('growing', 'keyless', '--project', 'default');
    expect(two.status).toBe(1);
    expect(two.stderr).toContain('growing is not adopted: it is Scaling: Waiting, not Active');
    expect(two.stderr).toContain('keyless is not adopted: its management key is not in the database');
    const nowhere = await adopt('hadoop-2');
    expect(nowhere.status).toBe(1);
    expect(nowhere.stderr).toContain(
      `There is no project '${tenants.one}' here (make it (wadi project create`,
    );
    expect((await wadi.request('GET', '/v2/clusters')).body.clusters).toEqual([]);
    expect((await wadi.request('GET', '/v2/adoptions')).body.adoptions).toEqual([]);
  });

  it('of a machine is told, and the same command goes on later', async () => {
    const id = idOf('hadoop-1');
    const blind = await adopt(id, '--project', 'default');
    expect(blind.status).toBe(1);
    expect(blind.stderr).toContain('hadoop-1 is in Error');
    expect(blind.stderr).toContain(
      'no host key is known of hadoop-1-gateway-0, hadoop-1-worker-0, hadoop-1-worker-1',
    );
    const lost = await adopt(
      idOf('hadoop-1', tenants.other),
      '--project',
      'default',
      '--trust-first-contact',
    );
    expect(lost.stderr).toContain("Cluster with name 'hadoop-1' already exists");
  });
});

describe('a cluster that is adopted', () => {
  let cluster: Answer['body'];
  let keyFile: string;

  beforeAll(async () => {
    const known = cli.knownHosts();
    const adopted = await adopt(idOf('hadoop-1'), '--project', 'default', '--known-hosts', known, '--json');
    expect(adopted.stderr).toContain('hadoop-1: Active');
    expect(adopted.status).toBe(0);
    expect(JSON.parse(adopted.stdout)).toMatchObject([
      {
        name: 'hadoop-1',
        adoption: {
          cluster_id: idOf('hadoop-1'),
          status: 'Active',
          machines: 3,
          host_keys: { cloud: 0, given: 3, 'first-contact': 0, unknown: 0 },
          key: 'own',
          key_problems: [],
        },
      },
    ]);
    cluster = (await wadi.request('GET', `/v2/clusters/${idOf('hadoop-1')}`)).body.cluster;
  });

  it('is what it was in Sahara, under its ids', async () => {
    const [row] = rowsOf('clusters').filter(({ id }) => id === cluster.id);
    expect(cluster).toMatchObject({
      name: 'hadoop-1',
      plugin_name: 'vanilla',
      plugin_version: '2.7.5',
      cluster_configs: { HDFS: { 'dfs.replication': 1 } },
      anti_affinity: ['datanode'],
      domain_name: 'hadoop.example.',
      user_keypair_id: 'operators',
      use_autoconfig: true,
      info: { HDFS: { 'Web UI': 'http://198.51.100.9:50070' } },
      neutron_management_network: row?.neutron_management_network,
      default_image_id: row?.default_image_id,
      cluster_template_id: row?.cluster_template_id,
      trust_id: null,
    });
    const groups = rowsOf('node_groups').filter((each) => each.cluster_id === cluster.id);
    const instances = rowsOf('instances');
    expect(cluster.node_groups).toHaveLength(groups.length);
    for (const group of groups) {
      const shown = cluster.node_groups.find((each: Answer['body']) => each.id === group.id);
      expect(shown).toMatchObject({
        name: group.name,
        count: group.count,
        node_group_template_id: group.node_group_template_id,
        is_proxy: group.is_proxy_gateway === 1,
        is_proxy_gateway: group.is_proxy_gateway === 1,
        node_processes: JSON.parse(String(group.node_processes)),
        node_configs: JSON.parse(String(group.node_configs)),
        security_groups: ['default'],
      });
      const own = instances.filter((each) => each.node_group_id === group.id);
      for (const { id, instance_id, instance_name, internal_ip, management_ip } of own)
        expect(shown.instances).toContainEqual(
          expect.objectContaining({ id, instance_id, instance_name, internal_ip, management_ip }),
        );
    }
    const template = await wadi.request('GET', `/v2/cluster-templates/${cluster.cluster_template_id}`);
    expect(template.body.cluster_template).toMatchObject({
      name: 'hadoop-1-template',
      description: 'Größe: zwei',
      node_groups: expect.arrayContaining([expect.objectContaining({ name: 'worker', count: 2 })]),
    });
  });

  it('runs a command on all of its machines, through the proxy', async () => {
    const run = await wadi.run(cluster.id, { command: 'hostname' });
    expect(run.targets.map((target) => [target.instance_name, target.status, target.route])).toEqual(
      expect.arrayContaining([
        ['hadoop-1-gateway-0', 'succeeded', 'tcp > hadoop-1-gateway-0'],
        ['hadoop-1-worker-0', 'succeeded', 'tcp > hadoop-1-gateway-0 > hadoop-1-worker-0'],
        ['hadoop-1-worker-1', 'succeeded', 'tcp > hadoop-1-gateway-0 > hadoop-1-worker-1'],
      ]),
    );
    expect((await wadi.output(run, 'hadoop-1-worker-1')).toString()).toBe('machine-2\n');
    const page = await wadi.fetch(`/v2/clusters/${cluster.id}/instances/hadoop-1-worker-0/http/8080/`);
    expect(await page.text()).toBe('hello from machine-1\n');
  });

  it('lets in a key that only Wadi has, and the one that Sahara has no more', async () => {
    const [row] = rowsOf('clusters').filter(({ id }) => id === cluster.id);
    keyFile = cli.file('sahara-key', String(row?.management_private_key));
    expect(await mayLogIn(keyFile)).toEqual([false, false, false]);
    const shown = (await wadi.request('GET', `/v2/clusters/${cluster.id}`)).body.cluster;
    expect(shown.management_public_key).toMatch(/^ssh-ed25519 /);
  });

  it('is not adopted twice, not scaled, and takes no machines', async () => {
    const again = await adopt(cluster.id, '--project', 'default', '--known-hosts', cli.knownHosts());
    expect(again).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("Cluster 'hadoop-1' is adopted already; it is Active"),
    });
    const resize = { resize_node_groups: [{ name: 'worker', count: 3 }] };
    const scaled = await wadi.request('PUT', `/v2/clusters/${cluster.id}`, resize);
    expect([scaled.status, scaled.body.error_message]).toEqual([
      400,
      expect.stringContaining("Cluster 'hadoop-1' cannot be scaled: its machines were made by Sahara"),
    ]);
    const more = { identities: { lab: { private_key: lab.privateKey } }, trust_first_contact: true };
    const machine = { name: 'further', address: '10.77.1.9', user: 'wadi', identity: 'lab' };
    const added = await wadi.request('POST', `/v2/clusters/${cluster.id}/machines`, {
      ...more,
      machines: [machine],
    });
    expect([added.status, added.body.error_message]).toEqual([
      400,
      expect.stringContaining("Cluster 'hadoop-1' takes no further machines"),
    ]);
  });

  it('leaves its machines and its stack when it is deleted, and can be adopted once more', async () => {
    const body = { force: true };
    const deleted = await wadi.request('DELETE', `/v2/clusters/${cluster.id}`, body);
    expect(deleted.body).toEqual({ stack_name: `hadoop-1-${cluster.id.slice(0, 8)}` });
    await wadi.deleted(cluster.id);
    expect(await mayLogIn(keyFile)).toEqual([true, true, true]);
    const again = await adopt('--all', '--project', 'default', '--known-hosts', cli.knownHosts());
    // Of two of that name in one project one comes first.
    expect(again.status).toBe(1);
    expect(again.stdout).toContain('hadoop-2 is adopted: 2 machines, host keys: 2 given.');
    const { body: list } = await wadi.request('GET', '/v2/adoptions');
    expect(list.adoptions.map((each: Answer['body']) => each.name)).toEqual(['hadoop-1', 'hadoop-2']);
    expect(list.adoptions[1]).toMatchObject({ status: 'Active', key: 'own' });
  });
});

// What takes as long as a machine may take to answer, and what is asked of Debian's Sahara itself.
if (thorough)
  describe('what happens meanwhile', () => {
    const known = () => ['--known-hosts', cli.knownHosts(), '--project', 'default'];
    const remove = async () => {
      for (const { cluster_id } of (await wadi.request('GET', '/v2/adoptions')).body.adoptions)
        await wadi.deleted(cluster_id);
    };
    const opens = async (ip: string | undefined, id: string) => {
      const row = rowsOf('clusters').find((each) => each.id === id);
      const file = cli.file(`key-${id}`, String(row?.management_private_key));
      return await sahara.opens(lab, ip ?? '', file);
    };

    it('a machine that is down keeps its cluster from being adopted until it is up', async () => {
      await remove();
      const id = idOf('hadoop-1');
      await lab.power('off', 'machine-2');
      const cut = await adopt(id, ...known());
      expect(cut.status).toBe(1);
      expect(cut.stderr).toMatch(
        /hadoop-1 is in Error: Adopting cluster failed .*hadoop-1-worker-1 not accessible/,
      );
      expect(await opens(lab.inventory.machines[0]?.internalIp, id)).toBe(true);
      await lab.power('on', 'machine-2');
      await sahara.letIn(lab, id);
      const later = await adopt(id, ...known());
      expect(later.stdout).toContain('hadoop-1 is adopted: 3 machines, host keys: 3 given.');
    });

    it('a cluster that is deleted while its key is replaced is given back as far as it can be reached', async () => {
      const id = idOf('hadoop-1');
      const path = `/v2/clusters/${id}/key-rotations`;
      await lab.power('off', 'machine-2');
      const { key_rotation: begun } = (await wadi.request('POST', path, { kind: 'management' })).body;
      for (const deadline = performance.now() + 90_000; performance.now() < deadline; await sleep(200)) {
        const { key_rotation: now } = (await wadi.request('GET', `${path}/${begun.id}`)).body;
        if (now.status === 'waiting') break;
      }
      await wadi.deleted(id);
      const { events } = (await wadi.request('GET', `/v2/clusters/${id}/events`)).body;
      const told = events.filter((each: Answer['body']) => each.type === 'adoption.not-handed-back');
      expect(told.map((each: Answer['body']) => each.body.instance)).toEqual(['hadoop-1-worker-1']);
      expect(await opens(lab.inventory.proxies[0]?.internalIp, id)).toBe(true);
      expect(await opens(lab.inventory.machines[0]?.internalIp, id)).toBe(true);
      await lab.power('on', 'machine-2');
      await sahara.letIn(lab, id);
    });

    it.each([0, 150, 400, 900])(
      'a controller that is killed after %d ms is no end of it',
      async (delay) => {
        await remove();
        const id = idOf('hadoop-2');
        const child = cli.run(['adopt', id, '--sahara-config', config, ...known()]);
        for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(10))
          if ((await wadi.request('GET', `/v2/adoptions/${id}`)).status === 200) break;
        await sleep(delay);
        const { data, databaseUrl } = wadi.controller;
        await wadi.kill();
        await child;
        wadi = await LabController.start(lab, { data, database: { url: databaseUrl ?? '' } });
        cli = new WadiAdopt(lab, wadi);
        let adoption: Answer['body'];
        for (const deadline = performance.now() + 90_000; performance.now() < deadline; await sleep(200)) {
          adoption = (await wadi.request('GET', `/v2/adoptions/${id}`)).body.adoption;
          if (adoption.key === 'own' || adoption.status === 'Error') break;
        }
        expect(adoption).toMatchObject({ status: 'Active', key: 'own', key_problems: [] });
        const run = await wadi.run(id, { command: 'true' });
        expect(run.targets.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
        expect(await opens(lab.inventory.machines[2]?.internalIp, id)).toBe(false);
      },
      240_000,
    );

    it('a Sahara that keeps its clusters in PostgreSQL is read the same', async () => {
      const { name } = await createDatabase();
      const host = encodeURIComponent(inject('postgresSocket'));
      const connection = `postgresql+psycopg2://wadi@/${name}?host=${host}`;
      await fillByDebian(connection, lab);
      const file = cli.saharaConfig(connection, 'postgresql.conf');
      const listed = await cli.run(['adopt', '--json', '--sahara-config', file]);
      expect(listed.stderr).toBe('');
      // biome-ignore lint/suspicious/noExplicitAny: as JSON has it.
      const facts = (each: any) => [each.name, each.tenant, each.status, each.problems, each.machines.length];
      const same = JSON.parse((await adopt('--json')).stdout).map(facts);
      expect(JSON.parse(listed.stdout).map(facts).sort()).toEqual(same.sort());
      const database = await openReadOnly(parseDatabaseUrl(connection, 'test'));
      await expect(database.rows("update clusters set status = 'Error'")).rejects.toThrow('25006');
      await database.close();
    });

    it("what was recorded is what Debian's Sahara makes", async () => {
      const recorded = JSON.parse(readFileSync(new URL('recorded/sahara-035.json', import.meta.url), 'utf8'));
      const shape = (dump: Dump) =>
        Object.entries(dump).map(([table, { create, rows }]) => [
          table,
          create,
          rows.length,
          Object.keys(rows[0] ?? {}),
        ]);
      expect(shape(recorded)).toEqual(shape(before));
    });
  });

describe("Sahara's database", () => {
  it('is read in a transaction that cannot write, also by a user who could', async () => {
    const database = await openReadOnly(parseDatabaseUrl(sahara.database.url(), 'test'));
    try {
      await expect(database.rows("update clusters set status = 'Error'")).rejects.toThrow('READ_ONLY');
      expect(await database.rows('select name from clusters')).toHaveLength(5);
    } finally {
      await database.close();
    }
  });

  it('is read by a user who may only read', async () => {
    const file = cli.saharaConfig(sahara.database.url('reader'), 'reader.conf');
    const listed = await cli.run(['adopt', '--sahara-config', file]);
    expect(listed).toMatchObject({ status: 0, stdout: expect.stringContaining('hadoop-2') });
  });

  it('is as it was, to the last row', async () => {
    expect(await sahara.database.dump()).toEqual(before);
  });
});
