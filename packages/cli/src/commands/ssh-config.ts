import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { ExitCode, exitCodesHelp } from '../exit-code.ts';
import { collect } from '../option-value.ts';
import { print, printJson, report } from '../print.ts';
import { findCluster, openSession } from '../session.ts';
import { sshConfig } from '../ssh-config.ts';

interface Options {
  readonly dir?: string;
  readonly identity?: string[];
  readonly proxyJump?: boolean;
}

export function addSshConfigCommand(wadi: Command): void {
  wadi
    .command('ssh-config')
    .description(
      'let ssh, scp, sftp and rsync reach the machines of a cluster by name, with pinned host keys',
    )
    .argument('<cluster>', 'name or id')
    .option('--dir <dir>', 'where CLUSTER.conf and CLUSTER.known_hosts are written (default: ~/.ssh/wadi)')
    .option(
      '-i, --identity <file>',
      'private key to log in with; may be repeated (default: as ssh does)',
      collect,
    )
    .option('--proxy-jump', "by ssh's own ProxyJump: for those who have no wadi, and without failover")
    .addHelpText(
      'after',
      `
Examples:
  wadi ssh-config example
  wadi ssh-config example --dir /tmp/example-ssh --proxy-jump

Then, once, as the first line of ~/.ssh/config: Include wadi/*.conf
From then on: ssh worker-1.example; scp file worker-1.example:/tmp/; rsync -a dir worker-1.example:
Each connection is made by wadi connect, with the controller and data directory of this call. Your key is
yours: it goes to the machine that you log in to, and to nobody else.
${exitCodesHelp}`,
    )
    .action(async (name: string, options: Options, command: Command) => {
      const session = openSession(command);
      const cluster = await findCluster(session, name);
      const machines = await session.client.instances.list(cluster.id);
      const dir = path.resolve(options.dir ?? path.join(homedir(), '.ssh', 'wadi'));
      const file = path.join(dir, `${cluster.name}.conf`);
      const knownHostsFile = path.join(dir, `${cluster.name}.known_hosts`);
      const made = sshConfig({
        cluster: cluster.name,
        machines,
        knownHostsFile,
        identityFiles: (options.identity ?? []).map((each) => path.resolve(each)),
        ...(options.proxyJump ? {} : { wadi: ownCommand(command) }),
      });
      if (made.hosts.length === 0)
        throw new CommandError(
          `no machine of ${cluster.name} can be reached by ssh: ${made.left[0]?.why ?? 'there is none'}`,
          ExitCode.failed,
        );
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      // The keys first: a configuration without them would refuse every machine.
      replace(knownHostsFile, made.knownHosts);
      replace(file, made.config);
      for (const left of made.left) report(`wadi: ${left.name} is left out: ${left.why}`);
      if (session.json) return printJson({ config: file, known_hosts: knownHostsFile, hosts: made.hosts });
      print(
        `${file} has ${made.hosts.length} machines: ${made.hosts.slice(0, 3).join(', ')}${made.hosts.length > 3 ? ', …' : ''}`,
      );
      print(`Once, as the first line of ~/.ssh/config: Include ${path.join(dir, '*.conf')}`);
    });
}

/** By which ssh calls us again. The token is not in it: it is read where this call has read it. */
function ownCommand(command: Command): string[] {
  const { url, data, allowPlainHttp } = command.optsWithGlobals<{
    url?: string;
    data?: string;
    allowPlainHttp?: boolean;
  }>();
  const program = path.resolve(process.argv[1] ?? 'wadi');
  const place = url ?? process.env.WADI_URL;
  const directory = data ?? process.env.WADI_DATA ?? (place === undefined ? '.wadi' : undefined);
  return [
    process.execPath,
    program,
    ...(place === undefined ? [] : ['--url', place]),
    ...(directory === undefined ? [] : ['--data', path.resolve(directory)]),
    ...(allowPlainHttp ? ['--allow-plain-http'] : []),
  ];
}

/** All or nothing, also for an ssh that reads it at this moment. */
function replace(file: string, text: string): void {
  const made = `${file}.${process.pid}`;
  writeFileSync(made, text, { mode: 0o600 });
  renameSync(made, file);
}
