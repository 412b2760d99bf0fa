import type { Command } from 'commander';
import { print, printFields, printJson, printTable } from '../print.ts';
import { openSession } from '../session.ts';

export function addPluginCommand(wadi: Command): void {
  const plugin = wadi.command('plugin').description('what a cluster can run');
  plugin
    .command('list')
    .description('the plugins and their versions')
    .addHelpText('after', '\nExample:\n  wadi plugin list')
    .action(async (_options, command: Command) => {
      const { client, json } = openSession(command);
      const plugins = await client.plugins.list();
      if (json) return printJson(plugins);
      const rows = plugins.map((each) => [each.name, each.versions.join(', '), each.title]);
      printTable(['NAME', 'VERSIONS', 'TITLE'], rows);
    });
  plugin
    .command('show')
    .description('the node processes and settings of a plugin')
    .argument('<name>')
    .argument('[version]', 'default: the last one')
    .addHelpText('after', '\nExample:\n  wadi plugin show bare')
    .action(async (name: string, version: string | undefined, _options, command: Command) => {
      const { client, json } = openSession(command);
      const wanted = version ?? (await client.plugins.get(name)).versions.at(-1) ?? '';
      const shown = await client.plugins.getVersion(name, wanted);
      if (json) return printJson(shown);
      printFields([
        ['name', shown.name],
        ['version', wanted],
        ['title', shown.title],
        ['description', shown.description],
      ]);
      print('');
      const processes = Object.entries(shown.node_processes);
      printTable(
        ['SERVICE', 'PROCESSES'],
        processes.map(([service, names]) => [service, names.join(', ')]),
      );
      if (shown.configs.length === 0) return;
      print('');
      const settings = shown.configs.map((each) => [
        each.applicable_target,
        each.name,
        String(each.default_value ?? ''),
        `${each.description ?? ''}${each.needs_root ? " (needs the right 'root')" : ''}`.trim(),
      ]);
      printTable(['TARGET', 'SETTING', 'DEFAULT', 'DESCRIPTION'], settings);
    });
}
