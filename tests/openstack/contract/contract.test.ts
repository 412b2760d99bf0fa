import { expect, test } from 'vitest';
import { noteCalls, publicCalls } from './public-calls.ts';
import { readRecording, recordedScenarios } from './recording.ts';
import { replay } from './replay.ts';
import { scenarios } from './scenarios/all.ts';
import { logInAs } from './users.ts';

test.each(scenarios)('what real services answered: $name', async (scenario) => {
  await replay(scenario, readRecording(scenario.name));
});

test('there is a recording of each scenario, and no other', () => {
  expect(recordedScenarios().sort()).toEqual(scenarios.map(({ name }) => name).sort());
});

test('every public call is made by a scenario, but for those of Cinder, which the recorded cloud has not', async () => {
  const client = logInAs('nobody', 'http://127.0.0.1:9', 'unused', 1);
  const calls = publicCalls(client).filter((call) => !call.startsWith('volumes.'));
  await client.close();
  expect(calls).toEqual(
    expect.arrayContaining(['identity', 'servers.create', 'routers.setTags', 'service.ask']),
  );

  const made = new Set<string>();
  for (const scenario of scenarios)
    await replay(scenario, readRecording(scenario.name), (openstack) => noteCalls(openstack, made));
  expect(calls.filter((call) => !made.has(call))).toEqual([]);
});

test('recordings hold no secrets, and addresses of documentation only', () => {
  const texts = scenarios.map(({ name }) => JSON.stringify(readRecording(name)));
  const found = (pattern: RegExp) => new Set(texts.flatMap((text) => text.match(pattern) ?? []));
  const addresses = [...found(/\b\d{1,3}(\.\d{1,3}){3}\b/g)];
  expect(addresses.filter((one) => !/^(192\.0\.2|198\.51\.100|203\.0\.113)\./.test(one))).toEqual([]);
  const origins = [...found(/https?:\/\/[^/"\s]+/g)];
  // The second one is where versions point to for their documentation.
  expect(origins.sort()).toEqual(['http://cloud.example', 'http://docs.openstack.org']);
  // A Fernet token, and what else Keystone makes.
  expect([...found(/gAAAA[\w-]+/g)]).toEqual([]);
  const passwords = [...found(/"(?:password|secret|adminPass)":"[^"]*"/g)].map((one) => one.split('"')[3]);
  expect(passwords.filter((one) => !/^(the-password|wrong|made-secret-\d+)$/.test(one ?? ''))).toEqual([]);
});
