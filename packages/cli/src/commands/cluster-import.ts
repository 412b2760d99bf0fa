import path from 'node:path';
import type { Command } from 'commander';
import { readDescription } from '../description-file.ts';
import { finishCluster, waitOption } from '../finish-cluster.ts';
import { importRequest } from '../import-file.ts';
import { openSession } from '../session.ts';

interface Options {
  readonly name?: string;
  readonly trustFirstContact?: boolean;
  readonly wait?: boolean;
}

export function addClusterImportCommand(cluster: Command): void {
  cluster
    .command('import')
    .description('make a cluster of machines that exist already; nothing is changed on them')
    .argument('<file>', 'YAML or JSON, see below; - is standard input')
    .option('--name <name>', 'instead of the name in the file')
    .option('--trust-first-contact', 'take and pin the host key of machines whose key is not known')
    .option(...waitOption)
    .addHelpText(
      'after',
      `
Example:
  wadi cluster import lab.yaml --wait

lab.yaml:
  name: lab
  user: debian                    # for machines that name none of their own; so are the next two
  identity: ~/.ssh/id_ed25519     # private key; relative to this file
  port: 22
  known_hosts: ~/.ssh/known_hosts # where host keys are looked up; hashed entries too
  access: { method: fixed_ip }    # see: wadi cluster access --help
  machines:
    - name: bastion
      address: 203.0.113.7        # as seen from the controller
      is_proxy: true
    - name: db-1
      address: 10.0.0.11          # as seen from the bastion
      node_group: db
      host_keys: ["ssh-ed25519 AAAAC3Nza…"]
    - name: db-2
      address: 10.0.0.12
      node_group: db
      spare: true                 # left alone until: wadi cluster scale lab db=2

Host keys come from host_keys, else from known_hosts. Key files are read here and kept encrypted by
the controller; a passphrase is asked for.`,
    )
    .action(async (file: string, options: Options, command: Command) => {
      const session = openSession(command);
      const read = await readDescription(file);
      const description = options.name === undefined ? read : { ...read, name: options.name };
      const folder = file === '-' ? '.' : path.dirname(file);
      const request = await importRequest(description, folder, options);
      const cluster = await session.client.clusters.import(request);
      process.exitCode = await finishCluster(session, cluster, options.wait ?? false);
    });
}
