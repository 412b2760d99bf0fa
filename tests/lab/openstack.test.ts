import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const lab = 'lab/openstack';
const files = readdirSync(lab, { recursive: true, encoding: 'utf8' })
  .map((name) => join(lab, name))
  .filter((path) => statSync(path).isFile());

/** The files whose first line names this interpreter, or that end in this. */
function written(inWhat: RegExp, ending: string): string[] {
  return files.filter(
    (path) => path.endsWith(ending) || inWhat.test(readFileSync(path, 'utf8').split('\n', 1)[0] ?? ''),
  );
}

function run(command: string, ...args: string[]) {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 30_000, env });
  return { status, stdout, stderr };
}

/** What a setting of the lab is when nothing is set from outside. */
function setting(name: string): string {
  return run('bash', '-c', `. ${lab}/lib/settings.sh && printf %s "$${name}"`).stdout;
}

test('every script of the OpenStack lab is one that its shell can read', () => {
  const shell = [...written(/^#!\/bin\/bash/, '.sh'), `${lab}/openrc`];
  expect(shell).toEqual(expect.arrayContaining([`${lab}/up`, `${lab}/guest/build`, `${lab}/lib/network.sh`]));
  for (const path of shell) expect(run('bash', '-n', path), path).toMatchObject({ status: 0, stderr: '' });
  for (const path of written(/^#!\/bin\/(busybox )?sh/, '.none'))
    expect(run('sh', '-n', path), path).toMatchObject({ status: 0, stderr: '' });
});

test('every part of its seed is Python', () => {
  const parts = written(/^#!\/usr\/bin\/python3/, '.py');
  expect(parts).toContain(`${lab}/seed/accounts.py`);
  const parse = 'import ast, sys\nfor name in sys.argv[1:]: ast.parse(open(name).read(), name)';
  expect(run('python3', '-c', parse, ...parts)).toMatchObject({ status: 0, stderr: '' });
});

test('the seed asks for no setting that it is not given', () => {
  const given = readFileSync(`${lab}/lib/load.sh`, 'utf8').match(/WADI_LAB_\w+(?==)/g);
  for (const path of written(/^#!\/usr\/bin\/python3/, '.py'))
    for (const [, name] of readFileSync(path, 'utf8').matchAll(/setting\(["'](\w+)["']\)/g))
      expect(given, path).toContain(`WADI_LAB_${name}`);
});

test('credentials are those of the seed, for each of its users', () => {
  const users = {
    demo: 'demo',
    alice: 'demo',
    reader: 'demo',
    stranger: 'other',
    wadi: 'service',
    admin: 'admin',
  };
  for (const [user, project] of Object.entries(users)) {
    const print = 'echo "$OS_AUTH_URL $OS_USERNAME $OS_PROJECT_NAME $OS_PASSWORD $OS_REGION_NAME"';
    expect(run('bash', '-euc', `. ${lab}/openrc ${user}; ${print}`).stdout).toBe(
      `http://${setting('API_IP')}:5000/v3 ${user} ${project} ${setting('PASSWORD')} ${setting('REGION')}\n`,
    );
  }
});

test('guests may connect to one port of the controller, and to the APIs', () => {
  const accepted = run('bash', '-c', `. ${lab}/lib/settings.sh; . ${lab}/lib/network.sh; packet_filter`)
    .stdout.split('\n')
    .filter((rule) => rule.includes('-i ext') && rule.endsWith('ACCEPT'));
  expect(accepted).toEqual([
    `-A INPUT -i ext -d ${setting('CONTROLLER_EXT_IP')} -p tcp --dport 8022 -j ACCEPT`,
    expect.stringContaining(
      `-d ${setting('API_IP')} -p tcp -m multiport --dports ${setting('GUEST_API_PORTS')} `,
    ),
  ]);
});

test('a command that is not known is refused before anything is touched', () => {
  for (const [script, argument] of [
    ['up', '--no-such'],
    ['down', '--no-such'],
  ] as const)
    expect(run(`${lab}/${script}`, argument)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(process.getuid?.() === 0 ? /^error: usage: / : /^error: run as root/),
    });
});
