import { runLimits } from '@wadi/api';
import { expect, test } from 'vitest';
import { redactCommand } from './redact-command.ts';

test.each([
  ['uptime', 'uptime'],
  [['echo', 'a b'], "echo 'a b'"],
  ['mysql --password=hunter2 -e x', 'mysql --password=[redacted] -e x'],
  ['mysql --password hunter2 -e x', 'mysql --password [redacted] -e x'],
  ['DB_PASSWORD="hunter2 x" ./start', 'DB_PASSWORD=[redacted] ./start'],
  ['curl https://bob:hunter2@example.org/', 'curl https://bob:[redacted]@example.org/'],
  ["curl -H 'X-Auth-Token: hunter2' x", "curl -H 'X-Auth-Token: [redacted]' x"],
  ["curl -H 'Authorization: Bearer hunter2' x", "curl -H 'Authorization: Bearer [redacted]' x"],
  [['login', '--api-key', 'hunter2'], 'login --api-key [redacted]'],
  ['cat /etc/passwd', 'cat /etc/passwd'],
  ['curl https://bob:hun@ter2@example.org/', 'curl https://bob:[redacted]@example.org/'],
  ['curl -u bob:hunter2 x', 'curl -u bob:[redacted] x'],
  [`curl -d '{"password": "hunter2 x"}' y`, `curl -d '{"password": [redacted]}' y`],
  [String.raw`psql --password=hunter2\ x -l`, 'psql --password=[redacted] -l'],
  [['login', '--password', "hun'ter2 x", 'y'], 'login --password [redacted] y'],
  [['env', "TOKEN=hun'ter2 x", 'y'], 'env TOKEN=[redacted] y'],
  [['sh', '-c', 'TOKEN=hunter2 x'], "sh -c 'TOKEN=[redacted] x'"],
  [['echo', "it's"], String.raw`echo 'it'\''s'`],
])('%j is kept as %j', (command, kept) => {
  expect(redactCommand(command)).toBe(kept);
});

test('a private key is not kept, a long command is shortened', () => {
  const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----';
  expect(redactCommand(`echo '${key}' > k`)).toBe("echo '[redacted]' > k");
  expect(redactCommand('x'.repeat(5000)).length).toBeLessThan(2100);
});

// Each of these kept a pattern that goes back over what it has read busy for seconds to hours, and with it everybody.
test.each([
  'token-',
  'a-',
  'a',
  'x://a:',
  'authorization: ',
  'password',
  'password=',
  '-----BEGIN A',
  '"token="',
  '-u a:',
])('the longest command, made of %j, is read once', (part) => {
  const command = part.repeat(Math.floor(runLimits.command / part.length));
  expect(redactCommand(command)).toMatch(/\(\d+ characters\)$|^\S*\[redacted\]$/);
  expect(redactCommand([command, ' '.repeat(runLimits.command)])).not.toBe('');
  expect(redactCommand(`authorization:${' '.repeat(runLimits.command)}`)).not.toBe('');
  expect(redactCommand(`--token${' '.repeat(runLimits.command)}`)).not.toBe('');
});
