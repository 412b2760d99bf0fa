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
])('%j is kept as %j', (command, kept) => {
  expect(redactCommand(command)).toBe(kept);
});

test('a private key is not kept, a long command is shortened', () => {
  const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----';
  expect(redactCommand(`echo '${key}' > k`)).toBe("echo '[redacted]' > k");
  expect(redactCommand('x'.repeat(5000)).length).toBeLessThan(2100);
});
