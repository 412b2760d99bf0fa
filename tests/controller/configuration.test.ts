import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createDatabase } from '../set-up/database.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { launchController, newDataDirectory, startController } from '../set-up/start-controller.ts';

test.each([
  ['an unknown option', ['--colour', 'blue'], '--colour'],
  ['an argument that is no option', ['blue'], 'blue'],
  ['an address that is none', ['--listen', 'here'], "'here' is not HOST:PORT"],
  ['a port that is none', ['--listen', '127.0.0.1:99999'], 'is not HOST:PORT'],
  ['an address beyond this computer', ['--listen', '0.0.0.0:0'], 'TLS'],
  ['the sandbox beyond this computer', ['--listen', '10.0.0.1:0', '--sandbox'], '--sandbox'],
  ['the example without the sandbox', ['--example'], '--sandbox'],
  ['a network that is none', ['--allow-network', '10.0.0.0/99'], "'10.0.0.0/99' is not a network"],
  ['an access method that is none', ['--access-method', 'pigeon'], 'fixed_ip, floating_ip, netns'],
  ['proxy_command without a command', ['--access-method', 'proxy_command'], '--proxy-command'],
  [
    'a key that no command is told',
    ['--proxy-command', 'nc {hst} {port}'],
    "unknown key '{hst}' at position 4; known are {host} {port} {tenant_id} {network_id} {router_id}",
  ],
  ['agents at no address', ['--agent-listen', '0.0.0.0:8022'], '--agent-advertise'],
  ['an address for agents without a place', ['--agent-advertise', 'a:1'], '--agent-listen'],
  ['an address instead of a network', ['--allow-network', '10.0.0.1'], 'is not a network'],
  ['a database URL of another kind', ['--database', 'mysql://x/y'], 'postgresql://'],
  ['a log level that is none', ['--log-level', 'loud'], 'info'],
  [
    'a configuration file that is not there',
    ['--config', '/nonexistent/wadi.yaml'],
    '/nonexistent/wadi.yaml',
  ],
])('refuses %s, saying what is wrong', async (_, args, text) => {
  // The last --listen counts.
  const launched = launchController({ data: newDataDirectory(), args });
  expect(await launched.exited).toBe(2);
  expect(launched.output()).toContain(text);
  expect(launched.output()).not.toMatch(/^\s+at /m);
});

test.each([
  ['an unknown key', 'listn: 127.0.0.1:0', 'unknown key listn'],
  ['a value of the wrong type', 'sandbox: often', 'sandbox'],
  ['a proxy command for a shell', 'proxy_command: "nc {host} {port} | tee log"', "'|' at position 18"],
  ['a host name with no port behind the colon', 'hosts: ["wadi.example:"]', 'hosts'],
  ['a balancer for agents without agents', 'trusted_agent_proxies: [192.0.2.1/32]', '--agent-listen'],
  [
    'everybody for a balancer',
    'agent_listen: 127.0.0.1:0\ntrusted_agent_proxies: [0.0.0.0/0]',
    "trusted_agent_proxies: '0.0.0.0/0'",
  ],
  [
    'an address for other controllers that is none',
    'agent_listen: 127.0.0.1:0\nagent_peer_advertise: here',
    "agent_peer_advertise: 'here'",
  ],
  ['an IPv6 address without brackets', 'hosts: ["2001:db8::1"]', 'hosts'],
  ['text that is no YAML', 'listen: [', 'wadi.yaml'],
  ['a list', '- listen', 'wadi.yaml'],
])('refuses a configuration file with %s', async (_, content, text) => {
  const data = newDataDirectory();
  const file = path.join(data, '..', 'wadi.yaml');
  writeFileSync(file, `${content}\n`);
  const launched = launchController({ data, args: ['--config', file] });
  expect(await launched.exited).toBe(2);
  expect(launched.output()).toContain(text);
});

test('a password in --database is refused and not repeated', async () => {
  const password = 'planted-database-password';
  const launched = launchController({
    data: newDataDirectory(),
    args: ['--database', `postgresql://wadi:${password}@127.0.0.1:1/wadi`],
  });
  expect(await launched.exited).toBe(2);
  expect(launched.output()).toContain('DATABASE_URL');
  expect(launched.output()).not.toContain(password);
});

test('a database that does not answer is named without its password', async () => {
  const password = 'planted-password-of-a-dead-server';
  plantSecret('password in the configuration file', password);
  const data = newDataDirectory();
  const file = path.join(data, '..', 'wadi.yaml');
  writeFileSync(file, `database_url: postgresql://wadi:${password}@127.0.0.1:1/wadi\n`, { mode: 0o600 });
  const launched = launchController({ data, args: ['--config', file] });
  expect(await launched.exited).toBe(1);
  expect(launched.output()).toContain('ECONNREFUSED');
  expect(launched.output()).not.toContain(password);
});

test('takes settings from a file', async () => {
  const data = newDataDirectory();
  const { url } = await createDatabase();
  const file = path.join(data, '..', 'wadi.yaml');
  const log = path.join(data, '..', 'another.log');
  writeFileSync(
    file,
    [
      `data: ${data}`,
      `database_url: ${url}`,
      'hosts: [wadi.example, "[2001:DB8:0::1]"]',
      `log_file: ${log}`,
      'log_level: debug',
    ].join('\n'),
  );
  const controller = await startController({ data, database: { url }, args: ['--config', file] });
  expect(controller.output()).toContain(log);
  await controller.stop();
});

test('prints help', async () => {
  const launched = launchController({ data: newDataDirectory(), args: ['--help'] });
  expect(await launched.exited).toBe(0);
  expect(launched.output()).toContain('--allow-network');
});
