import { type Right, type Role, rights, roles, tokenLimits } from '@wadi/api';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { print, printJson, printTable, report } from '../print.ts';
import { openSession } from '../session.ts';

interface CreateOptions {
  readonly role: Role;
  readonly project?: string;
  readonly right?: Right[];
  readonly expires: number;
}

export function addTokenCommand(wadi: Command): void {
  const token = wadi.command('token').description('who may talk to the controller; for admins');
  token
    .command('create')
    .description('make a token and print it, this once')
    .argument('<name>', 'says whose it is or what it is for')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).default('member'))
    .option('--project <project>', 'default: your own')
    .addOption(new Option('--right <right...>', 'only these of the rights that the role has').choices(rights))
    .option('--expires <days>', 'valid for so many days', days, tokenLimits.defaultDays)
    .addHelpText('after', '\nExample:\n  wadi token create ci --role member --right view run --expires 30')
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const { client, json } = openSession(command);
      const made = await client.tokens.create({
        name,
        role: options.role,
        expires_in_days: options.expires,
        ...(options.project === undefined ? {} : { project: options.project }),
        ...(options.right === undefined ? {} : { rights: options.right }),
      });
      if (json) return printJson(made);
      print(made.secret);
      report(`Kept nowhere: store it now. Its id is ${made.token.id}, it ends ${made.token.expires_at}.`);
    });
  token
    .command('list')
    .description('all of them, without the secrets')
    .addHelpText('after', '\nExample:\n  wadi token list')
    .action(async (_options, command: Command) => {
      const { client, json } = openSession(command);
      const tokens = await client.tokens.list();
      if (json) return printJson(tokens);
      printTable(
        ['ID', 'NAME', 'PROJECT', 'ROLE', 'RIGHTS', 'EXPIRES', 'LAST USED', 'REVOKED'],
        tokens.map((each) => [
          each.id,
          each.name,
          each.project_id,
          each.role,
          each.rights.join(','),
          each.expires_at ?? 'never',
          each.last_used_at ?? '-',
          each.revoked_at ?? '-',
        ]),
      );
    });
  token
    .command('revoke')
    .description('end a token now; what it has open ends within a minute')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  wadi token revoke 3f0c7b1e-6a52-4d0e-9d0a-0f6f2c1f7f55')
    .action(async (id: string, _options, command: Command) => {
      const { client, json } = openSession(command);
      const revoked = await client.tokens.revoke(id);
      if (json) return printJson(revoked);
      print(`Token ${revoked.name} is revoked since ${revoked.revoked_at}.`);
    });
}

function days(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= tokenLimits.mostDays) return value;
  throw new InvalidArgumentError(`It must be a number of days, at most ${tokenLimits.mostDays}.`);
}
