import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';

export function addServeCommand(wadi: Command): void {
  wadi
    .command('serve')
    .description('run the controller in the foreground; everything after `serve` is given to it')
    .argument('[flags...]', 'see the flags of the controller below')
    .allowUnknownOption()
    .addHelpText(
      'after',
      `
Flags of the controller:
  --listen HOST:PORT      where the API answers (default 127.0.0.1:8386; port 0: any free one)
  --data DIR              where it keeps everything (default WADI_DATA, ./.wadi)
  --config FILE           the same settings in YAML
  --sandbox               with the sandbox cloud: machines on this computer, to try things
  --example               make the example cluster in the sandbox and show what it can do
  --plugins DIR           a folder with plugins of your own, one folder each
  --allow-network CIDR    a network in which imported machines may be dialled; may be repeated
  --auth MODE             tokens (default), keystone, or none
  --no-auth               everybody on this computer is an admin; with the sandbox as the only cloud
  --keystone-url URL      with --auth keystone, and so are --keystone-credential FILE, --keystone-ca FILE
  --tls-cert FILE         answer over TLS; with --tls-key FILE
  --trusted-tls-proxy CIDR  leave TLS to a proxy in this network; may be repeated
  --database URL          a PostgreSQL to use instead of the embedded one (default DATABASE_URL)
  --log-file FILE         default DATA/wadi.log; - is standard output
  --log-level LEVEL       trace, debug, info, warn, error, fatal (default info)

Examples:
  wadi serve
  wadi serve --sandbox
  wadi serve --data /var/lib/wadi --allow-network 203.0.113.0/24`,
    )
    .action(async (flags: string[], _options, command: Command) => {
      const { data } = command.optsWithGlobals<{ data?: string }>();
      process.exitCode = await serve(data === undefined ? flags : ['--data', data, ...flags]);
    });
}

async function serve(flags: readonly string[]): Promise<number> {
  const main = fileURLToPath(import.meta.resolve('@wadi/controller/main'));
  const child = spawn(process.execPath, [main, ...flags], { stdio: 'inherit' });
  // A terminal's Ctrl-C reaches the child by itself; its second copy would end it without cleaning up.
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  const ignore = () => {};
  process.on('SIGTERM', forward).on('SIGHUP', forward);
  process.on('SIGINT', process.stdin.isTTY ? ignore : forward);
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
