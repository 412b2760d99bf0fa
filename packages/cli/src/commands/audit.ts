import { type Command, InvalidArgumentError } from 'commander';
import { CommandError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { print, printJson } from '../print.ts';
import { openSession } from '../session.ts';

interface Options {
  readonly project?: string;
  readonly after?: number;
}

export function addAuditCommand(wadi: Command): void {
  const audit = wadi.command('audit').description('who reached what, and when; for admins');
  audit
    .command('export')
    .description('the records as JSON lines, oldest first')
    .option('--project <project>', 'default: your own')
    .option('--after <sequence>', 'only later ones', sequence)
    .addHelpText('after', '\nExample:\n  wadi audit export > audit.jsonl')
    .action(async (options: Options, command: Command) => {
      const { client } = openSession(command);
      for await (const line of client.audit.lines(options)) print(line);
    });
  audit
    .command('verify')
    .description('find out whether a record was changed, removed or inserted')
    .option('--project <project>', 'default: your own')
    .addHelpText('after', '\nExample:\n  wadi audit verify')
    .action(async (options: Options, command: Command) => {
      const { client, json } = openSession(command);
      const verdict = await client.audit.verify(options);
      if (json) printJson(verdict);
      else if (verdict.intact) print(`The audit log is intact: ${verdict.records} records.`);
      if (!verdict.intact)
        throw new CommandError(`the audit log was tampered with: ${verdict.problem}`, ExitCode.failed);
    });
}

function sequence(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be the sequence of a record.');
}
