import type { Project } from '@wadi/api';
import { type Command, Option } from 'commander';
import { print, printJson, printTable } from '../print.ts';
import { openSession } from '../session.ts';

export function addProjectCommand(wadi: Command): void {
  const project = wadi.command('project').description('tenants: each sees its own clusters; for admins');
  project
    .command('list')
    .description('all that you may see')
    .addHelpText('after', '\nExample:\n  wadi project list')
    .action(async (_options, command: Command) => {
      const { client, json } = openSession(command);
      const projects = await client.projects.list();
      if (json) return printJson(projects);
      printTable(['ID', 'MEMBERS AS ROOT', 'CREATED'], projects.map(row));
    });
  project
    .command('create')
    .description('make one; only with a token of the project default')
    .argument('<id>', 'lower-case letters, digits and hyphens')
    .option('--member-root', 'its members may run commands as root')
    .addHelpText('after', '\nExample:\n  wadi project create physics')
    .action(async (id: string, options: { memberRoot?: boolean }, command: Command) => {
      const { client, json } = openSession(command);
      const made = await client.projects.create({ id, member_root: options.memberRoot ?? false });
      if (json) return printJson(made);
      print(`Project ${made.id} is there. Next: wadi token create NAME --project ${made.id}`);
    });
  project
    .command('update')
    .description('change what it grants')
    .argument('<id>')
    .addOption(
      new Option('--member-root <on|off>', 'whether its members may run commands as root')
        .choices(['on', 'off'])
        .makeOptionMandatory(),
    )
    .addHelpText('after', '\nExample:\n  wadi project update physics --member-root on')
    .action(async (id: string, options: { memberRoot: 'on' | 'off' }, command: Command) => {
      const { client, json } = openSession(command);
      const changed = await client.projects.update(id, { member_root: options.memberRoot === 'on' });
      if (json) return printJson(changed);
      print(`Members of ${changed.id} may ${changed.member_root ? '' : 'not '}run commands as root.`);
    });
}

function row(each: Project): string[] {
  return [each.id, each.member_root ? 'yes' : 'no', each.created_at];
}
