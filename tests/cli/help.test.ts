import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWadi } from './run-wadi.ts';

const commands = [
  'serve',
  'plugin list',
  'plugin show',
  'template node-group list',
  'template node-group show',
  'template node-group create',
  'template node-group delete',
  'template cluster list',
  'template cluster show',
  'template cluster create',
  'template cluster delete',
  'cluster list',
  'cluster show',
  'cluster create',
  'cluster import',
  'cluster scale',
  'agent enroll',
  'cluster access',
  'cluster machines',
  'cluster add-machines',
  'cluster remove-machines',
  'cluster verify',
  'cluster delete',
  'instances',
  'proxies',
  'proxies drain',
  'proxies readmit',
  'proxies promote',
  'run',
  'cp',
  'http',
  'events',
  'drill proxy-loss',
  'token create',
  'token list',
  'token revoke',
  'project list',
  'project create',
  'project update',
  'audit export',
  'audit verify',
  'keys list',
  'keys rotate-master',
  'keys rotate-management',
  'keys rotate-host',
  'keys rotations',
  'doctor',
];

describe('help', () => {
  it.each(commands)('of wadi %s has an example that begins with it', async (command) => {
    const { code, stdout } = await runWadi([...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`\\nExamples?:\\n(.*\\n)*?  wadi ${command}( |\\n)`));
    expect(stdout).toContain('--url');
  });

  it('of wadi itself names every command and every exit code', async () => {
    const { code, stdout } = await runWadi(['--help']);
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toContain(`\n  ${command.split(' ')[0]}`);
    for (const exitCode of [0, 1, 2, 3, 4, 130]) expect(stdout).toContain(`\n  ${exitCode}  `);
  });
});

describe('a wrong command line', () => {
  it.each([
    [['nonsense'], 'nonsense'],
    [['cluster', 'list', '--nonsense'], '--nonsense'],
    [['run'], 'cluster'],
    [['http', 'example'], 'example/worker-1:8080'],
    [['cluster', 'import', '/does/not/exist.yaml', '--token', 'x'], '/does/not/exist.yaml'],
    [['--url', 'nonsense', 'cluster', 'list'], 'nonsense'],
    [['--url', 'http://192.0.2.1:8386', '--token', 'x', 'cluster', 'list'], 'clear text'],
  ])('%j ends with 2 and a sentence, without a stack trace', async (args, text) => {
    const { code, stdout, stderr } = await runWadi(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe('an import file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'wadi-import-'));
    writeFileSync(path.join(folder, 'no-key'), 'nothing in here\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const machine = '{name: m, address: 192.0.2.1, user: u, identity: no-key}';
  it.each([
    ['a: [', 'line 1'],
    ['just text', 'does not hold names and values'],
    ['name: x', '"machines" has no entry'],
    ['name: x\nmachines: []\n', '"machines" has no entry'],
    [`name: x\nmachine: ${machine}`, '"machine" is not known'],
    ['name: x\nmachines: [{name: m}]', 'machine m has no "address"'],
    ['name: x\nmachines: [{name: m, address: a, user: u}]', 'machine m has no "identity"'],
    ['name: x\nmachines: [{name: m, adress: a}]', '"adress" is not known'],
    [`name: x\nmachines: [${machine}]`, 'no private key'],
    [`name: x\nknown_hosts: missing\nmachines: [${machine}]`, 'missing'],
  ])('%j is refused here already, with what is wrong', async (content, text) => {
    const file = path.join(folder, 'import.yaml');
    writeFileSync(file, content);
    const { code, stderr } = await runWadi(['cluster', 'import', file, '--token', 'x']);
    expect(code).toBe(2);
    expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe('without a controller', () => {
  it('commands end with 4 and say where they looked', async () => {
    const { code, stderr } = await runWadi([
      '--url',
      'http://127.0.0.1:1',
      '--token',
      'x',
      'cluster',
      'list',
    ]);
    expect(code).toBe(4);
    expect(stderr).toContain('http://127.0.0.1:1');
    expect(stderr).toContain('wadi serve');
  });

  it('and without a token they say where one is looked for', async () => {
    const { code, stderr } = await runWadi(['cluster', 'list'], { data: '/does/not/exist' });
    expect(code).toBe(4);
    expect(stderr).toContain('/does/not/exist/token');
  });
});
