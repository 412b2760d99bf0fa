import type { ClusterEvent } from '@wadi/api';
import type { Command } from 'commander';
import { print, printJson } from '../print.ts';
import { findCluster, openSession } from '../session.ts';

interface Options {
  readonly follow?: boolean;
  readonly after?: string;
}

export function addEventsCommand(wadi: Command): void {
  wadi
    .command('events')
    .description('what happened in a cluster')
    .argument('<cluster>', 'name or id')
    .option('-f, --follow', 'go on with what happens from now')
    .option('--after <sequence>', 'only later ones')
    .addHelpText('after', '\nExamples:\n  wadi events example\n  wadi events example -f --json')
    .action(async (name: string, options: Options, command: Command) => {
      const session = openSession(command);
      const { id } = await findCluster(session, name);
      let { after } = options;
      const show = session.json ? showJsonLine : showLine;
      if (options.follow) {
        const from = after === undefined ? {} : { after };
        for await (const event of session.client.events.follow(id, from)) show(event);
        return;
      }
      const all: ClusterEvent[] = [];
      for (;;) {
        // The controller gives them in pages.
        const page = await session.client.events.list(id, after === undefined ? {} : { after });
        if (page.length === 0) break;
        all.push(...page);
        after = page.at(-1)?.sequence;
      }
      if (session.json) return printJson(all);
      for (const event of all) showLine(event);
    });
}

/** A stream has no end, so no closing bracket: one object a line. */
function showJsonLine(event: ClusterEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function showLine(event: ClusterEvent): void {
  const body = Object.entries(event.body).map(([name, value]) => {
    return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
  });
  print(`${event.created_at}  ${event.type}  ${body.join(' ')}`.replaceAll('\n', ' '));
}
