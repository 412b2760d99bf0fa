import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await labUp({ machines: 1 });
});
afterAll(() => lab?.down());

test('the example runs a command on a machine behind a proxy', async () => {
  const { directory, user, privateKeyPath, proxies, machines } = lab.inventory;
  const [proxy, machine] = [proxies[0]?.externalIp ?? '', machines[0]?.internalIp ?? ''];
  const known = `${proxy} ${proxies[0]?.hostKeys[0]}\n${machine} ${machines[0]?.hostKeys[0]}\n`;
  writeFileSync(`${directory}/known_hosts`, known);
  const example = [process.execPath, '--import', 'tsx', 'examples/run-behind-a-proxy.ts'];
  const route = [user, proxy, machine, privateKeyPath, `${directory}/known_hosts`];
  const ran = await lab.inController([
    ...example,
    ...route,
    'sh',
    '-c',
    'hostname; echo "$0"; exit 3',
    'a $word',
  ]);
  expect(ran).toEqual({ status: 3, signal: null, stdout: 'machine-1\na $word\n', stderr: '' });
});
