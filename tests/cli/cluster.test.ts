import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';
import { runWadi, type WadiOptions } from './run-wadi.ts';

// Many processes one after the other, on a machine that may be busy with everything else.
vi.setConfig({ testTimeout: 120_000 });

let controller: Controller;
const wadi = (args: readonly string[], options: WadiOptions = {}) =>
  runWadi(args, { data: controller.data, ...options });
const words = (line: string) => wadi(line.split(' '));

beforeAll(async () => {
  controller = await startController({ args: ['--sandbox'] });
  for (const line of [
    'template node-group create gate --plugin bare --process proxy --proxy',
    'template node-group create worker --plugin bare:1.0 --process machine --description inner',
    'template cluster create site --plugin bare --group gate:1 --group worker:3',
  ]) {
    const { code, stderr } = await words(line);
    if (code !== 0) throw new Error(`${line}: ${stderr}`);
  }
  const created = await words('cluster create c1 --template site --wait');
  if (created.code !== 0) throw new Error(created.stderr);
  expect(created.stderr).toContain('c1: Active');
}, 180_000);

afterAll(async () => {
  await controller?.stop();
});

describe('templates', () => {
  it('are listed and shown, with the proxy', async () => {
    expect((await words('plugin list')).stdout).toMatch(/^bare +1\.0/m);
    expect((await words('plugin show bare')).stdout).toMatch(/proxy/);
    expect((await words('template node-group list')).stdout).toMatch(/^gate +bare 1\.0 +proxy +1 +yes$/m);
    expect((await words('template node-group show gate')).stdout).toMatch(/^proxy +yes$/m);
    expect((await words('template cluster list')).stdout).toContain('1 gate (proxy), 3 worker');
    const { stdout } = await words('template cluster show site --json');
    expect(JSON.parse(stdout).node_groups).toMatchObject([
      { name: 'gate', count: 1, is_proxy: true, is_proxy_gateway: true },
      { name: 'worker', count: 3, is_proxy: false },
    ]);
  });

  it('come from a file and go again', async () => {
    const file = path.join(controller.data, '..', 'template.yaml');
    const yaml = 'plugin_name: bare\nplugin_version: "1.0"\nflavor_id: "2"\nnode_processes: [machine]\n';
    writeFileSync(file, yaml);
    const created = await words(`template node-group create from-file -f ${file} --json`);
    expect(created).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(created.stdout)).toMatchObject({ name: 'from-file', flavor_id: '2', is_proxy: false });
    const { id } = JSON.parse(created.stdout);
    const deleted = await words('template node-group delete from-file --json');
    expect(JSON.parse(deleted.stdout)).toEqual({ id, name: 'from-file', deleted: true });
    expect(await words('template node-group show from-file')).toMatchObject({ code: 2 });
  });

  it('that are in use or wrong are refused with the reason of the controller', async () => {
    const inUse = await words('template node-group delete worker');
    expect(inUse).toMatchObject({ code: 4, stderr: expect.stringContaining('site') });
    const wrong = await words('template node-group create x --plugin bare --process nonsense');
    expect(wrong).toMatchObject({ code: 4, stderr: expect.stringContaining('nonsense') });
    // The contract's text does not say in which field.
    expect(wrong.stderr).toMatch(/^ {2}in: node_processes$/m);
    const twice = await words('template node-group create gate --plugin bare --process proxy');
    expect(twice).toMatchObject({ code: 4, stderr: expect.stringContaining('gate') });
    expect(twice.stderr).not.toMatch(/\n\s+at /);
  });
});

describe('a cluster', () => {
  it('is listed and shown with its steps', async () => {
    expect((await words('cluster list')).stdout).toMatch(/^c1 +Active +bare 1\.0 +4 +1 /m);
    const { stdout } = await words('cluster show c1');
    expect(stdout).toMatch(/^status +Active$/m);
    expect(stdout).toMatch(/^worker +3 +machine +c1-worker-\[0-2\]$/m);
    expect(stdout).toMatch(/done +4\/4/);
    const [cluster] = JSON.parse((await words('cluster list --json')).stdout);
    expect(JSON.parse((await words(`cluster show ${cluster.id} --json`)).stdout).name).toBe('c1');
  });

  it('shows the route to each machine, through the proxy', async () => {
    const { stdout } = await words('instances c1');
    expect(stdout).toMatch(/^c1-worker-2 +worker .*tcp > c1-gate-0 > c1-worker-2$/m);
    expect(stdout).toMatch(/^c1-gate-0 +gate \(proxy\) .*tcp > c1-gate-0$/m);
    expect(JSON.parse((await words('instances c1 --json')).stdout)).toHaveLength(4);
  });

  it('shows how its proxy is', async () => {
    const { stdout } = await words('proxies c1');
    expect(stdout).toMatch(/^NAME +STATE +LATENCY +CHANNELS +MACHINES +SINCE/);
    expect(stdout).toMatch(/^c1-gate-0 +up +\d+ ms +\d+ +3 +20/m);
    const [proxy] = JSON.parse((await words('proxies c1 --json')).stdout);
    expect(proxy).toMatchObject({ name: 'c1-gate-0', state: 'up', machines: 3, error: null });
  });

  it('tells what happened to it', async () => {
    const { code, stdout } = await words('events c1');
    expect(code).toBe(0);
    expect(stdout).toContain('status=Active');
    const events = JSON.parse((await words('events c1 --json')).stdout);
    const last = events.at(-1).sequence;
    expect(JSON.parse((await words(`events c1 --json --after ${last}`)).stdout)).toEqual([]);
  });

  it('that does not exist is named, with those that do', async () => {
    for (const line of [
      'cluster show c2',
      'instances c2',
      'proxies c2',
      'run c2 -- true',
      'events c2',
      'http c2/n:80',
    ]) {
      const { code, stderr } = await words(line);
      expect({ line, code }).toEqual({ line, code: 2 });
      expect(stderr).toContain('no cluster named c2');
      expect(stderr).toContain('c1');
    }
  });

  it('that cannot be made is refused, or ends in Error with exit code 1', async () => {
    const refused = await words('cluster create c1 --template site --wait');
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('c1') });
    const nothing = await words('cluster create c3 --template nonsense');
    expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining('site') });
  });

  it('is created without waiting, and gone after delete --wait', async () => {
    const created = await words('cluster create c4 --template site');
    expect(created).toMatchObject({ code: 0, stdout: expect.stringContaining('c4') });
    const deleted = await words('cluster delete c4 --wait');
    expect(deleted).toMatchObject({ code: 0, stdout: 'c4 is gone\n' });
    expect((await words('cluster list')).stdout).not.toContain('c4');
  });
});

describe('run', () => {
  it('shows the lines of all machines behind their names', async () => {
    const { code, stdout, stderr } = await words('run c1 -- hostname');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').sort()).toEqual([
      '',
      '  c1-gate-0: c1-gate-0',
      'c1-worker-0: c1-worker-0',
      'c1-worker-1: c1-worker-1',
      'c1-worker-2: c1-worker-2',
    ]);
  });

  it.each([
    ['-w worker-[1-2]', ['c1-worker-1', 'c1-worker-2']],
    ['-w worker', ['c1-worker-0', 'c1-worker-1', 'c1-worker-2']],
    ['-w gate,c1-worker-0', ['c1-gate-0', 'c1-worker-0']],
    ['-x gate -x worker-[0-1]', ['c1-worker-2']],
  ])('with %s runs there', async (selection, names) => {
    const { stdout } = await words(`run c1 ${selection} --no-prefix -- hostname`);
    expect(stdout.trim().split('\n').sort()).toEqual(names);
  });

  it('shows equal outputs once with -b', async () => {
    const { code, stdout } = await words('run c1 -b -- echo same');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '--- c1-gate-0,c1-worker-[0-2] (4)\nsame\n' });
  });

  it('takes one word as shell text and several as exact arguments', async () => {
    const shell = await wadi(['run', 'c1', '-w', 'worker-0', '--no-prefix', '--', 'echo "$((1+1))" | cat']);
    expect(shell.stdout).toBe('2\n');
    const hard = ['$HOME', "it's", '"', '*', 'a  b', '-n', '\\', 'new\nline', 'ümlaut'];
    const exact = await wadi(['run', 'c1', '-w', 'worker-0', '--no-prefix', '--', 'printf', '%s|', ...hard]);
    expect(exact.stdout).toBe(`${hard.join('|')}|`);
  });

  it('passes standard input, variables and standard error', async () => {
    const script = 'cat; echo "$GREETING" >&2';
    const args = [
      'run',
      'c1',
      '-w',
      'worker-0',
      '--no-prefix',
      '--stdin',
      '-e',
      'GREETING=hello',
      '--',
      script,
    ];
    const { code, stdout, stderr } = await wadi(args, { input: 'line 1\nline 2' });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'line 1\nline 2', stderr: 'hello\n' });
  });

  it('ends with 1 when a command failed, and names the machines and how', async () => {
    const { code, stdout, stderr } = await wadi(['run', 'c1', '--', 'case $(hostname) in *0) exit 7;; esac']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('2 of 4 did not succeed');
    expect(stderr).toContain('c1-gate-0,c1-worker-0: exit status 7');
    const killed = await wadi(['run', 'c1', '-w', 'worker-1', '--', 'kill -KILL $$']);
    expect(killed).toMatchObject({ code: 1, stderr: expect.stringContaining('KILL') });
  });

  it('ends a command at its time', async () => {
    const { code, stderr } = await words('run c1 -w worker-1 --timeout 1 -- sleep 100');
    expect(code).toBe(1);
    expect(stderr).toContain('c1-worker-1');
  });

  it('shows output while the command still works', async () => {
    let early = false;
    const ended = await wadi(['run', 'c1', '-w', 'worker-1', '--', 'echo first; sleep 5; echo second'], {
      onStart: (child, output) => {
        child.stdout?.on('data', () => {
          if (output().includes('first') && !output().includes('second')) early = true;
        });
      },
    });
    expect(ended.stdout).toBe('c1-worker-1: first\nc1-worker-1: second\n');
    expect(early).toBe(true);
  });

  it('prints one JSON object with --json, also for bytes that are no text', async () => {
    const { code, stdout } = await wadi([
      'run',
      'c1',
      '-w',
      'worker-1',
      '--json',
      '--',
      "printf '\\377'; exit 3",
    ]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'finished',
      targets: [
        { instance_name: 'c1-worker-1', status: 'failed', exit_status: 3, stdout_base64: '/w==', stderr: '' },
      ],
    });
  });

  it('says when a machine wrote more than is kept', async () => {
    const args = ['run', 'c1', '-w', 'worker-1', '--no-prefix', '--max-output', '1', '--'];
    const { code, stdout, stderr } = await wadi([...args, 'yes | head -c 3000000']);
    expect({ code, length: stdout.length }).toEqual({ code: 0, length: 1024 * 1024 });
    expect(stderr).toContain('longer than what is kept: c1-worker-1');
  });

  it('refuses machines that do not exist, and an empty choice', async () => {
    const unknown = await words('run c1 -w worker-[1-9] -- true');
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('worker-[3-9]') });
    const none = await words('run c1 -w worker -x worker -- true');
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('no machine is left') });
    for (const bad of ['-e nonsense', '--timeout soon', '--timeout -1']) {
      expect(await words(`run c1 ${bad} -- true`)).toMatchObject({ code: 2 });
    }
  });

  it('is cancelled on the machines by Ctrl-C', async () => {
    const mark = `wadi-mark-${process.pid}`;
    const { code, stderr } = await wadi(['run', 'c1', '-w', 'worker', '--', `echo ${mark}; sleep 1000`], {
      onStart: (child, output) => {
        child.stdout?.on('data', () => {
          if (output().split(mark).length > 3) child.kill('SIGINT');
        });
      },
    });
    expect(code).toBe(130);
    expect(stderr).toContain('c1-worker-[0-2]: cancelled');
  });
});

describe('http', () => {
  it('prints the page of a machine, and with -i what came before it', async () => {
    const { code, stdout } = await words('http c1/worker-1:8080/status.json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'c1-worker-1', is_proxy: false });
    expect((await words('http c1/c1-worker-1:8080/ -i')).stdout).toMatch(
      /^HTTP 200 OK\n(.+\n)+\n<!doctype html>/,
    );
  });

  it('ends with 1 with -f when the answer is an error, and with 0 without', async () => {
    expect(await words('http c1/worker-1:8080/missing')).toMatchObject({
      code: 0,
      stdout: 'No such page.\n',
    });
    expect(await words('http c1/worker-1:8080/missing -f')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('404'),
    });
    const { stdout } = await words('http c1/worker-1:8080/ -i -X DELETE');
    expect(stdout).toContain('HTTP 405');
  });

  it('ends with 3 when nothing listens there, and says where it failed', async () => {
    const { code, stderr } = await words('http c1/worker-1:81/');
    expect(code).toBe(3);
    expect(stderr).toContain('c1-worker-1');
  });

  it('refuses several machines, and paths that lead out of the machine', async () => {
    expect(await words('http c1/worker:8080/')).toMatchObject({ code: 2 });
    expect((await words('http c1/worker-1:8080/../../../../runs')).code).not.toBe(0);
  });
});

describe('a proxy that is off', () => {
  const power = (state: string) => controller.request('POST', `/v2/sandbox/machines/c1-gate-0/${state}`);

  it('makes run and http end with 3 and is named; back again, all is well', async () => {
    expect((await power('stop')).status).toBe(202);
    const run = await words('run c1 -w worker-1 -- hostname');
    expect(run).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('c1-gate-0') });
    const page = await words('http c1/worker-1:8080/');
    expect(page).toMatchObject({ code: 3, stderr: expect.stringContaining('c1-gate-0') });
    expect((await power('start')).status).toBe(202);
    expect((await words('run c1 -w worker-1 -- hostname')).code).toBe(0);
  });
});

it('the token is in nothing that was printed', async () => {
  const wrong = await wadi(['cluster', 'list'], { env: { WADI_TOKEN: 'wadi_this-is-not-the-token' } });
  expect(wrong.code).toBe(4);
  expect(wrong.stderr).toContain('token');
  expect(wrong.stdout + wrong.stderr).not.toContain('this-is-not');
});

describe('an access method for a new cluster', () => {
  it('is refused where only one leads to the machines, with the field', async () => {
    const { code, stderr } = await words('cluster create never --template site --access netns');
    expect(code).not.toBe(0);
    expect(stderr).toContain("cluster_configs.wadi.access_method: the machines of the cloud 'sandbox' are");
    expect(await words('cluster show never')).toMatchObject({ code: 2 });
  });

  it('that everybody has is kept beside the other configs', async () => {
    const { code, stdout } = await words('cluster create same --template site --access fixed_ip --json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).cluster_configs).toEqual({ wadi: { access_method: 'fixed_ip' } });
    expect(await words('cluster delete same')).toMatchObject({ code: 0 });
  });
});
