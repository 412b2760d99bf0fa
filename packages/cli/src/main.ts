import { readFileSync } from 'node:fs';
import { WadiError } from '@wadi/client';
import { Command, CommanderError } from 'commander';
import { CommandError } from './command-error.ts';
import { addAdoptCommand } from './commands/adopt.ts';
import { addAgentCommand } from './commands/agent.ts';
import { addAuditCommand } from './commands/audit.ts';
import { addClusterCommand } from './commands/cluster.ts';
import { addConnectCommand } from './commands/connect.ts';
import { addCpCommand } from './commands/cp.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addDrillCommand } from './commands/drill.ts';
import { addEventsCommand } from './commands/events.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addForwardCommand } from './commands/forward.ts';
import { addHttpCommand } from './commands/http.ts';
import { addInstancesCommand } from './commands/instances.ts';
import { addKeysCommand } from './commands/keys.ts';
import { addPluginCommand } from './commands/plugin.ts';
import { addProjectCommand } from './commands/project.ts';
import { addProxiesCommand } from './commands/proxies.ts';
import { addRunCommand } from './commands/run.ts';
import { addServeCommand } from './commands/serve.ts';
import { addShellCommand } from './commands/shell.ts';
import { addSshConfigCommand } from './commands/ssh-config.ts';
import { addTemplateCommand } from './commands/template.ts';
import { addTokenCommand } from './commands/token.ts';
import { ExitCode, exitCodesHelp } from './exit-code.ts';
import { report } from './print.ts';

/** The command line. Sets the exit code; never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  // The reader of a pipe may stop early (`| head`): no reason to complain.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? ExitCode.ok : ExitCode.failed);
  });
  try {
    await program().parseAsync([...argv]);
  } catch (error) {
    process.exitCode = explain(error);
  }
}

function program(): Command {
  const wadi = new Command('wadi')
    .description('Clusters of machines that are reached through one of them.')
    .option('--url <url>', 'the controller (default: WADI_URL, DATA/endpoint, http://127.0.0.1:8386)')
    .option(
      '--token <token>',
      'its token; seen by other users of this computer: prefer WADI_TOKEN or DATA/token',
    )
    .option('--data <dir>', "the controller's data directory (default: WADI_DATA, ./.wadi)")
    .option('--json', 'print JSON')
    .option('--allow-plain-http', 'send the token over http to another computer')
    .version(version())
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'wadi: ')) })
    .showHelpAfterError('See --help.')
    .addHelpText('after', exitCodesHelp)
    .exitOverride();
  addServeCommand(wadi);
  addPluginCommand(wadi);
  addTemplateCommand(wadi);
  addClusterCommand(wadi);
  addInstancesCommand(wadi);
  addProxiesCommand(wadi);
  addRunCommand(wadi);
  addShellCommand(wadi);
  addCpCommand(wadi);
  addHttpCommand(wadi);
  addForwardCommand(wadi);
  addSshConfigCommand(wadi);
  addConnectCommand(wadi);
  addEventsCommand(wadi);
  addExplainCommand(wadi);
  addDrillCommand(wadi);
  addTokenCommand(wadi);
  addAgentCommand(wadi);
  addProjectCommand(wadi);
  addAuditCommand(wadi);
  addKeysCommand(wadi);
  addDoctorCommand(wadi);
  addAdoptCommand(wadi);
  return wadi;
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Says what went wrong and returns the exit code for it. */
function explain(error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    // Its message is printed already; help and version are no errors.
    return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  }
  if (error instanceof CommandError) {
    complain(error.message, error.hint);
    return error.exitCode;
  }
  if (error instanceof WadiError) {
    complain(error.message, error.hint ?? hintOf(error));
    const unnamed = error.fields.filter((field) => !error.message.includes(field));
    if (unnamed.length > 0) report(`  in: ${unnamed.join(', ')}`);
    if (error.errorId) report(`  error id: ${error.errorId}`);
    return ExitCode.controller;
  }
  complain(error instanceof Error ? error.message : String(error));
  if (process.env.WADI_DEBUG && error instanceof Error) report(error.stack ?? '');
  return ExitCode.failed;
}

function hintOf(error: WadiError): string | undefined {
  if (error.status === 401) return 'The token is not known there: see --token, WADI_TOKEN, --data.';
  return undefined;
}

function complain(message: string, hint?: string): void {
  report(`wadi: ${message}`);
  if (hint) report(`  ${hint}`);
}
