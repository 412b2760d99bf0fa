import type { NodeGroupTemplate, NodeGroupTemplateCreate } from '@wadi/api';
import type { Command } from 'commander';
import { readDescription } from '../description-file.ts';
import { collect } from '../option-value.ts';
import { chosenPlugin } from '../plugin-choice.ts';
import { print, printFields, printJson, printTable } from '../print.ts';
import { find, openSession, type Session } from '../session.ts';

interface CreateOptions {
  readonly file?: string;
  readonly plugin?: string;
  readonly flavor: string;
  readonly process?: string[];
  readonly proxy?: boolean;
  readonly image?: string;
  readonly floatingIpPool?: string;
  readonly description?: string;
}

export function addNodeGroupTemplateCommands(template: Command): void {
  const group = template.command('node-group').description('templates of node groups: what a machine is');
  group
    .command('list')
    .description('all of them')
    .addHelpText('after', '\nExample:\n  wadi template node-group list')
    .action(async (_options, command: Command) => {
      const { client, json } = openSession(command);
      const templates = await client.nodeGroupTemplates.list();
      if (json) return printJson(templates);
      printTable(['NAME', 'PLUGIN', 'PROCESSES', 'FLAVOR', 'PROXY'], templates.map(row));
    });
  group
    .command('show')
    .description('one of them')
    .argument('<name>', 'name or id')
    .addHelpText('after', '\nExample:\n  wadi template node-group show gate')
    .action(async (name: string, _options, command: Command) => {
      const session = openSession(command);
      show(session, await find('node group template', session.client.nodeGroupTemplates, name));
    });
  group
    .command('create')
    .description('make one, from options or from a file')
    .argument('[name]')
    .option('-f, --file <file>', 'YAML or JSON with the fields of the API; - is standard input')
    .option('--plugin <name[:version]>', 'default version: the last one')
    .option('--flavor <id>', 'size of a machine; the sandbox takes any number', '1')
    .option('--process <name>', 'what runs on it; may be repeated', collect)
    .option('--proxy', 'the other machines are reached through this group')
    .option('--image <id>')
    .option('--floating-ip-pool <network>', 'network that gives addresses from outside')
    .option('--description <text>')
    .addHelpText(
      'after',
      `
Examples:
  wadi template node-group create gate --plugin bare --process proxy --proxy
  wadi template node-group create site --plugin bare --process machine
  wadi template node-group create -f site.yaml`,
    )
    .action(async (name: string | undefined, options: CreateOptions, command: Command) => {
      const session = openSession(command);
      const fromFile = options.file === undefined ? {} : await readDescription(options.file);
      const fields = { ...fromFile, ...(await fieldsFrom(session, name, options)) };
      // The controller checks the fields; its complaints name each one.
      show(session, await session.client.nodeGroupTemplates.create(fields as NodeGroupTemplateCreate));
    });
  group
    .command('delete')
    .description('remove one that nothing uses')
    .argument('<name>', 'name or id')
    .addHelpText('after', '\nExample:\n  wadi template node-group delete site')
    .action(async (given: string, _options, command: Command) => {
      const { client, json } = openSession(command);
      const { id, name } = await find('node group template', client.nodeGroupTemplates, given);
      await client.nodeGroupTemplates.delete(id);
      if (json) printJson({ id, name, deleted: true });
      else print(`deleted ${name}`);
    });
}

async function fieldsFrom(session: Session, name: string | undefined, options: CreateOptions) {
  return {
    ...(name !== undefined && { name }),
    ...(options.plugin !== undefined && (await chosenPlugin(session.client, options.plugin))),
    ...((options.file === undefined || options.flavor !== '1') && { flavor_id: options.flavor }),
    ...(options.process && { node_processes: options.process }),
    ...(options.proxy && { is_proxy: true }),
    ...(options.image !== undefined && { image_id: options.image }),
    ...(options.floatingIpPool !== undefined && { floating_ip_pool: options.floatingIpPool }),
    ...(options.description !== undefined && { description: options.description }),
  };
}

function row(each: NodeGroupTemplate): string[] {
  return [
    each.name,
    `${each.plugin_name} ${each.plugin_version}`,
    each.node_processes.join(', '),
    String(each.flavor_id),
    each.is_proxy ? 'yes' : '',
  ];
}

function show(session: Session, template: NodeGroupTemplate): void {
  if (session.json) printJson(template);
  else printTemplate(template);
}

function printTemplate(template: NodeGroupTemplate): void {
  printFields([
    ['name', template.name],
    ['id', template.id],
    ['description', template.description],
    ['plugin', `${template.plugin_name} ${template.plugin_version}`],
    ['processes', template.node_processes.join(', ')],
    ['proxy', template.is_proxy ? 'yes' : 'no'],
    ['flavor', template.flavor_id],
    ['image', template.image_id],
    ['floating ip pool', template.floating_ip_pool],
    ['created', template.created_at],
  ]);
}
