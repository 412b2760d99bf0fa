import type { ClusterTemplate, ClusterTemplateCreate } from '@wadi/api';
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { readDescription } from '../description-file.ts';
import { collect } from '../option-value.ts';
import { chosenPlugin } from '../plugin-choice.ts';
import { print, printFields, printJson, printTable } from '../print.ts';
import { find, openSession, type Session } from '../session.ts';

interface CreateOptions {
  readonly file?: string;
  readonly plugin?: string;
  readonly group?: string[];
  readonly image?: string;
  readonly network?: string;
  readonly description?: string;
}

export function addClusterTemplateCommands(template: Command): void {
  const cluster = template
    .command('cluster')
    .description('templates of clusters: how many of which machines');
  cluster
    .command('list')
    .description('all of them')
    .addHelpText('after', '\nExample:\n  wadi template cluster list')
    .action(async (_options, command: Command) => {
      const { client, json } = openSession(command);
      const templates = await client.clusterTemplates.list();
      if (json) return printJson(templates);
      const rows = templates.map((each) => [each.name, pluginOf(each), groupsOf(each)]);
      printTable(['NAME', 'PLUGIN', 'NODE GROUPS'], rows);
    });
  cluster
    .command('show')
    .description('one of them')
    .argument('<name>', 'name or id')
    .addHelpText('after', '\nExample:\n  wadi template cluster show site')
    .action(async (name: string, _options, command: Command) => {
      const session = openSession(command);
      show(session, await find('cluster template', session.client.clusterTemplates, name));
    });
  cluster
    .command('create')
    .description('make one, from options or from a file')
    .argument('[name]')
    .option('-f, --file <file>', 'YAML or JSON with the fields of the API; - is standard input')
    .option('--plugin <name[:version]>', 'default version: the last one')
    .option('--group <[name=]template:count>', 'node group by its template; may be repeated', collect)
    .option('--image <id>', 'for groups without one')
    .option('--network <id>', 'network of the machines')
    .option('--description <text>')
    .addHelpText(
      'after',
      `
Examples:
  wadi template cluster create site --plugin bare --group gate:1 --group site:3
  wadi template cluster create -f cluster-template.yaml`,
    )
    .action(async (name: string | undefined, options: CreateOptions, command: Command) => {
      const session = openSession(command);
      const fromFile = options.file === undefined ? {} : await readDescription(options.file);
      const fields = { ...fromFile, ...(await fieldsFrom(session, name, options)) };
      // The controller checks the fields; its complaints name each one.
      show(session, await session.client.clusterTemplates.create(fields as ClusterTemplateCreate));
    });
  cluster
    .command('delete')
    .description('remove one that no cluster uses')
    .argument('<name>', 'name or id')
    .addHelpText('after', '\nExample:\n  wadi template cluster delete site')
    .action(async (given: string, _options, command: Command) => {
      const { client, json } = openSession(command);
      const { id, name } = await find('cluster template', client.clusterTemplates, given);
      await client.clusterTemplates.delete(id);
      if (json) printJson({ id, name, deleted: true });
      else print(`deleted ${name}`);
    });
}

async function fieldsFrom(session: Session, name: string | undefined, options: CreateOptions) {
  const groups = options.group && (await Promise.all(options.group.map((each) => nodeGroup(session, each))));
  return {
    ...(name !== undefined && { name }),
    ...(options.plugin !== undefined && (await chosenPlugin(session.client, options.plugin))),
    ...(groups && { node_groups: groups }),
    ...(options.image !== undefined && { default_image_id: options.image }),
    ...(options.network !== undefined && { neutron_management_network: options.network }),
    ...(options.description !== undefined && { description: options.description }),
  };
}

async function nodeGroup({ client }: Session, text: string) {
  const [, name, template, count] = /^(?:([^=:]+)=)?([^=:]+):(\d+)$/.exec(text) ?? [];
  if (template === undefined) throw usageError(`--group ${text}: it is written TEMPLATE:COUNT, like site:3`);
  const { id } = await find('node group template', client.nodeGroupTemplates, template);
  return { name: name ?? template, node_group_template_id: id, count: Number(count) };
}

function pluginOf(template: ClusterTemplate): string {
  return `${template.plugin_name} ${template.plugin_version}`;
}

function groupsOf(template: ClusterTemplate): string {
  const groups = template.node_groups.map(({ name, count, is_proxy }) => {
    return `${count} ${name}${is_proxy ? ' (proxy)' : ''}`;
  });
  return groups.join(', ');
}

function show(session: Session, template: ClusterTemplate): void {
  if (session.json) printJson(template);
  else printTemplate(template);
}

function printTemplate(template: ClusterTemplate): void {
  printFields([
    ['name', template.name],
    ['id', template.id],
    ['description', template.description],
    ['plugin', pluginOf(template)],
    ['node groups', groupsOf(template)],
    ['image', template.default_image_id],
    ['network', template.neutron_management_network],
    ['created', template.created_at],
  ]);
}
