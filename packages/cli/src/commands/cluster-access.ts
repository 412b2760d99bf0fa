import {
  type AccessMethod,
  type AccessSettings,
  accessMethods,
  accessRelays,
  type ClusterAccess,
} from '@wadi/api';
import { type Command, Option } from 'commander';
import { wholeNumber } from '../option-value.ts';
import { print, printJson } from '../print.ts';
import { findCluster, openSession } from '../session.ts';

interface Options {
  readonly method?: AccessMethod | 'default';
  readonly namespace?: string;
  readonly routerId?: string;
  readonly networkId?: string;
  readonly tenantId?: string;
  readonly proxyCommand?: string;
  readonly relay?: NonNullable<AccessSettings['relay']>;
  readonly proxyPolicy?: NonNullable<AccessSettings['proxy_policy']>;
  readonly directWhenFaster?: 'on' | 'off';
  readonly promotion?: NonNullable<AccessSettings['promotion']>;
  readonly promoteAfter?: number;
  readonly spread?: 'on' | 'off';
  readonly isolationCheck?: 'on' | 'off';
}

export function addClusterAccessCommand(cluster: Command): void {
  cluster
    .command('access')
    .description('show or change how the controller reaches the machines of one')
    .argument('<cluster>', 'name or id')
    .addOption(
      new Option('--method <method>', "default: the controller's").choices([...accessMethods, 'default']),
    )
    .option(
      '--router-id <id>',
      "netns: of the router, whose namespace is qrouter-ID; proxy_command's {router_id}",
    )
    .option('--namespace <name>', 'netns: another network namespace')
    .option('--proxy-command <words>', 'proxy_command: what passes bytes on; it runs on the controller')
    .option('--network-id <id>', "proxy_command's {network_id}")
    .option('--tenant-id <id>', "proxy_command's {tenant_id}, when it is not the project")
    .addOption(new Option('--relay <relay>', 'by what bytes are passed on').choices([...accessRelays]))
    .addOption(
      new Option('--proxy-policy <policy>', 'which of several proxies').choices(['balanced', 'first']),
    )
    .addOption(
      new Option('--direct-when-faster <on|off>', 'not through a proxy where that is slower').choices([
        'on',
        'off',
      ]),
    )
    .addOption(
      new Option(
        '--promotion <promotion>',
        'a machine becomes a proxy by itself when all are gone; those are fenced then',
      ).choices(['off', 'automatic']),
    )
    .option('--promote-after <seconds>', 'for how long they must be gone before (60)', wholeNumber(5, 86_400))
    .addOption(
      new Option(
        '--spread <on|off>',
        'a file for several machines goes to a proxy once, encrypted, where that is faster (default: on)',
      ).choices(['on', 'off']),
    )
    .addOption(
      new Option(
        '--isolation-check <on|off>',
        'look whether machines behind the proxies answer the controller directly, which they should not',
      ).choices(['on', 'off']),
    )
    .addHelpText(
      'after',
      `
Examples:
  wadi cluster access lab
  wadi cluster access lab --method netns --router-id 6f1c2f3e-6b52-4d9c-8a2e-0f3b8a4f6a11
  wadi cluster access lab --method proxy_command --proxy-command 'ssh -W {host}:{port} relay'
  wadi cluster access lab --method default
  wadi cluster access lab --promotion automatic --promote-after 30

A new method forgets what only the one before had a use for. What begins from now on goes the new way.`,
    )
    .action(async (name: string, options: Options, command: Command) => {
      const session = openSession(command);
      const found = await findCluster(session, name);
      const { access } = session.client;
      const present = await access.get(found.id);
      const changed = Object.keys(options).length > 0;
      const shown = changed
        ? await access.set(found.id, changedSettings(present.settings, options))
        : present;
      if (session.json) return printJson(shown);
      show(found.name, shown);
    });
}

function changedSettings(present: AccessSettings, options: Options): AccessSettings {
  const { method, relay, proxyPolicy, directWhenFaster, promotion, promoteAfter, spread, isolationCheck } =
    options;
  const { namespace, router_id, network_id, tenant_id, proxy_command, method: before, ...others } = present;
  const kept = method === undefined ? present : others;
  return {
    ...kept,
    ...(method !== undefined && method !== 'default' && { method }),
    ...(options.namespace !== undefined && { namespace: options.namespace }),
    ...(options.routerId !== undefined && { router_id: options.routerId }),
    ...(options.networkId !== undefined && { network_id: options.networkId }),
    ...(options.tenantId !== undefined && { tenant_id: options.tenantId }),
    ...(options.proxyCommand !== undefined && { proxy_command: options.proxyCommand }),
    ...(relay !== undefined && { relay }),
    ...(proxyPolicy !== undefined && { proxy_policy: proxyPolicy }),
    ...(directWhenFaster !== undefined && { direct_when_faster: directWhenFaster === 'on' }),
    ...(promotion !== undefined && { promotion }),
    ...(promoteAfter !== undefined && { promote_after_seconds: promoteAfter }),
    ...(spread !== undefined && { spread: spread === 'on' }),
    ...(isolationCheck !== undefined && { isolation_check: isolationCheck === 'on' }),
  };
}

function show(name: string, { settings, effective }: ClusterAccess): void {
  const { method, namespace, proxy_command: program, relay, problem } = effective;
  const own = settings.method === undefined ? ', as the controller has it' : '';
  print(`${name}: by ${method}${own}`);
  if (namespace !== null) print(`  namespace      ${namespace}`);
  if (program !== null) print(`  proxy command  ${program}`);
  print(`  relay          ${relay}`);
  if (settings.proxy_policy !== undefined) print(`  proxy policy   ${settings.proxy_policy}`);
  if (settings.direct_when_faster) print('  direct when it is faster');
  if (settings.promotion === 'automatic')
    print(`  promotion      automatic, after ${settings.promote_after_seconds ?? 60} s without a proxy`);
  if (settings.spread === false) print('  files go to each machine by itself');
  if (settings.isolation_check !== undefined)
    print(`  isolation      ${settings.isolation_check ? 'proven' : 'not proven'} by verifications`);
  if (problem !== null) print(`  no machine can be reached: ${problem}`);
}
