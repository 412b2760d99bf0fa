import { setTimeout as sleep } from 'node:timers/promises';
import type { MasterKeyList } from '@wadi/api';
import type { Command } from 'commander';
import { CommandError, usageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { print, printJson, printTable, report } from '../print.ts';
import { openSession, type Session } from '../session.ts';
import { addRotateHostCommand, addRotateManagementCommand, addRotationsCommand } from './keys-rotate.ts';

/** Milliseconds between two looks, and without any progress after which nobody waits any more. */
const lookInterval = 300;
const patience = 120_000;

export function addKeysCommand(wadi: Command): void {
  const keys = wadi
    .command('keys')
    .description('the master keys, which encrypt what is stored, and the keys of machines');
  keys
    .command('list')
    .description(
      'which master keys there are, what each encrypts, and which controllers know them; never the keys',
    )
    .addHelpText('after', '\nExample:\n  wadi keys list')
    .action(async (_options, command: Command) => {
      const { client, json } = openSession(command);
      const list = await client.keys.list();
      if (json) return printJson(list);
      show(list);
    });
  keys
    .command('rotate-master')
    .description('take a new master key into use and encrypt all secrets with it, while everything runs')
    .option(
      '--replaces <id>',
      'the key that is to go (default: the current one); nothing is begun if it went already',
    )
    .addHelpText(
      'after',
      `
Where the keys come from a file, a new one is written into it. Where they come from a command or a systemd
credential, put a new one in front of the others first (openssl rand -base64 32). Every controller must know it.
It may be interrupted: the work goes on. Repeated with --replaces it waits for the end of that work.

Examples:
  wadi keys rotate-master
  wadi keys rotate-master --replaces 5f1d0c8a9b3e7742`,
    )
    .action(async ({ replaces }: { replaces?: string }, command: Command) => {
      const session = openSession(command);
      const before = await session.client.keys.list();
      const end = await finish(session, await begin(session, before, replaces ?? currentOf(before)));
      if (session.json) printJson(end);
      else told(before, end);
      if (end.unreadable > 0)
        throw new CommandError(
          `${end.unreadable} secrets do not open: their records were changed. The old key stays in use for them.`,
          ExitCode.failed,
          'The log of the controller names them. Import or create the clusters anew to which they belong.',
        );
    });
  addRotateManagementCommand(keys);
  addRotateHostCommand(keys);
  addRotationsCommand(keys);
}

async function begin({ client }: Session, list: MasterKeyList, replaces: string): Promise<MasterKeyList> {
  const current = currentOf(list);
  if (!list.keys.some((each) => each.id === replaces))
    throw usageError(`no controller knows a master key ${replaces}`, 'See: wadi keys list');
  if (current !== replaces || list.keys.some((each) => each.state === 'retiring')) {
    report(`Key ${current} was taken into use already.`);
    return list;
  }
  report(`Key ${replaces} is to be replaced, once every controller knows the next one.`);
  report(`Should this be interrupted: wadi keys rotate-master --replaces ${replaces}`);
  return await client.keys.rotate({ replaces });
}

/** Follows the work until nothing is left that could be done. */
async function finish({ client }: Session, begun: MasterKeyList): Promise<MasterKeyList> {
  let list = begun;
  let said = '';
  for (let since = performance.now(); ; list = await client.keys.list()) {
    const text = `${list.secrets - list.remaining} of ${list.secrets} secrets are encrypted with key ${currentOf(list)}`;
    if (text !== said) {
      report(text);
      since = performance.now();
    }
    said = text;
    if (isOver(list)) return list;
    if (performance.now() - since > patience)
      throw new CommandError(`nothing was done for ${patience / 1000} s: ${text}`, ExitCode.failed);
    await sleep(lookInterval);
  }
}

function isOver({ keys, remaining, unreadable }: MasterKeyList): boolean {
  if (unreadable > 0) return remaining === unreadable;
  return remaining === 0 && !keys.some((each) => each.state === 'retiring');
}

function told(before: MasterKeyList, end: MasterKeyList): void {
  const now = currentOf(end);
  const old = before.keys.filter((each) => each.id !== now).map((each) => each.id);
  print(`Key ${now} encrypts ${end.secrets - end.remaining} of ${end.secrets} secrets.`);
  if (end.unreadable > 0 || old.length === 0) return;
  print(
    `Next: take ${old.join(', ')} out of ${sourcesOf(end)}. Keep a copy, apart from the backups, as long as you keep ` +
      'backups from before.',
  );
}

function show({ keys, controllers, remaining, unreadable }: MasterKeyList): void {
  printTable(
    ['ID', 'FINGERPRINT', 'STATE', 'SECRETS'],
    keys.map((each) => [each.id, each.fingerprint ?? '', each.state, String(each.secrets)]),
  );
  print('');
  printTable(
    ['CONTROLLER', 'SOURCE', 'KNOWS', 'PROBLEM'],
    controllers.map((each) => [each.name, each.source, each.keys.join(' '), each.problem ?? '']),
  );
  if (remaining > 0) print(`\n${remaining} secrets are still to be encrypted with the current key.`);
  if (unreadable > 0) print(`${unreadable} of them do not open: their records were changed.`);
}

function currentOf({ keys }: MasterKeyList): string {
  return keys.find((each) => each.state === 'current')?.id ?? '';
}

function sourcesOf({ controllers }: MasterKeyList): string {
  return [...new Set(controllers.map((each) => each.source))].join(', ');
}
