import { type AccessMethod, accessMethods, type ClusterCreate } from '@wadi/api';
import { type Command, Option } from 'commander';
import { readDescription } from '../description-file.ts';
import { finishCluster, waitOption } from '../finish-cluster.ts';
import { find, openSession, type Session } from '../session.ts';

interface Options {
  readonly template?: string;
  readonly file?: string;
  readonly image?: string;
  readonly network?: string;
  readonly keypair?: string;
  readonly description?: string;
  readonly access?: AccessMethod;
  readonly wait?: boolean;
}

export function addClusterCreateCommand(cluster: Command): void {
  cluster
    .command('create')
    .description('create one from a template or a file')
    .argument('[name]')
    .option('-t, --template <template>', 'cluster template, name or id')
    .option('-f, --file <file>', 'YAML or JSON with the fields of the API; - is standard input')
    .option('--image <id>', 'for groups without one')
    .option('--network <id>', 'network of the machines')
    .option('--keypair <name>', 'key pair of yours that is let in too')
    .option('--description <text>')
    .addOption(
      new Option('--access <method>', "how its machines are reached; default: the controller's").choices(
        accessMethods,
      ),
    )
    .option(...waitOption)
    .addHelpText(
      'after',
      `
Examples:
  wadi cluster create site-1 --template site --wait
  wadi cluster create site-2 --template site --access netns
  wadi cluster create -f cluster.yaml --json`,
    )
    .action(async (name: string | undefined, options: Options, command: Command) => {
      const session = openSession(command);
      const fromFile = options.file === undefined ? {} : await readDescription(options.file);
      const fields = { ...fromFile, ...(await fieldsFrom(session, name, options)) } as ClusterCreate;
      const created = await session.client.clusters.create(withAccess(fields, options.access));
      process.exitCode = await finishCluster(session, created, options.wait ?? false);
    });
}

/** Beside the other configs: the API has it among them. */
function withAccess(fields: ClusterCreate, method: AccessMethod | undefined): ClusterCreate {
  if (method === undefined) return fields;
  const { cluster_configs: configs } = fields;
  const wadi = { ...configs?.wadi, access_method: method };
  return { ...fields, cluster_configs: { ...configs, wadi } };
}

/** A template brings its plugin along; the API wants it named all the same. */
async function fieldsFrom(session: Session, name: string | undefined, options: Options) {
  const { clusterTemplates } = session.client;
  const template =
    options.template === undefined
      ? undefined
      : await find('cluster template', clusterTemplates, options.template);
  return {
    ...(name !== undefined && { name }),
    ...(template && {
      cluster_template_id: template.id,
      plugin_name: template.plugin_name,
      plugin_version: template.plugin_version,
    }),
    ...(options.image !== undefined && { default_image_id: options.image }),
    ...(options.network !== undefined && { neutron_management_network: options.network }),
    ...(options.keypair !== undefined && { user_keypair_id: options.keypair }),
    ...(options.description !== undefined && { description: options.description }),
  };
}
