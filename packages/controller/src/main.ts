import type { Logger } from 'pino';
import { type Config, ConfigError, readConfig, usage } from './config.ts';
import { lockDataDirectory } from './controller-lock.ts';
import { openDataDirectory } from './data-directory.ts';
import { Drain } from './http/drain.ts';
import { openLog } from './log.ts';
import { Shutdown } from './shutdown.ts';
import type { Connection } from './storage/database.ts';
import { startEmbeddedPostgres } from './storage/postgres/embedded-postgres.ts';

const shutdown = new Shutdown();
const drain = new Drain();
let log: Logger | null = null;
let starting: Promise<void> | null = null;
let status = 0;
/** Milliseconds; none before there is something to drain. */
let drainFor = 0;

/** Milliseconds in which signals are one: npm passes on the Ctrl-C that the terminal has sent to everyone already. */
const sameSignal = 1000;
let asked = { times: 0, at: Number.NEGATIVE_INFINITY };

// Before anything is started: a signal in the first second must not leave a database behind.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (performance.now() - asked.at < sameSignal) return;
    asked = { times: asked.times + 1, at: performance.now() };
    if (asked.times > 2) process.exit(130);
    // From a person's keyboard it is meant at once.
    if (signal === 'SIGTERM' && asked.times === 1 && drainFor > 0) return void drained();
    console.log(asked.times === 1 ? 'Stopping …' : 'Still stopping. Once more leaves everything as it is.');
    void end();
  });
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => {
    log?.fatal({ err: error }, `${event}: stopping`);
    console.error(
      `Wadi stops because of a defect${log ? '; the log has the details' : ''}.`,
      log ? '' : error,
    );
    status = 1;
    void end();
  });

// Who reads what we print may go: `npm start | head`.
process.stdout.on('error', () => {});

const config = await configuration();
if (config) {
  starting = start(config);
  await starting.catch((error: Error) => {
    log?.error({ err: error }, 'start failed');
    if (!shutdown.signal.aborted) console.error(`Wadi did not start: ${error.message}`);
    status = error instanceof ConfigError ? 2 : 1;
    return end();
  });
}

async function configuration(): Promise<Config | null> {
  try {
    const given = await readConfig(process.argv.slice(2), process.env);
    // Children have no use for it, and it may hold a password.
    delete process.env.DATABASE_URL;
    if (given === null) console.log(usage);
    return given;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}

async function start(config: Config): Promise<void> {
  const data = openDataDirectory(config.data);
  const lock = lockDataDirectory(config.data);
  shutdown.add('lock', 1000, () => lock.release());
  const logger = openLog(config.logFile, config.logLevel);
  log = logger;
  logger.info({ data: config.data }, 'starting');

  // The code is loaded while the database starts.
  const loading = import('./controller.ts');
  // Looked at below; an early failure must not count as unhandled meanwhile.
  loading.catch(() => {});
  const connection = await connect(config, logger);
  const { openController } = await loading;
  if (shutdown.signal.aborted) return;
  const url = await openController({ config, data, connection, log: logger, shutdown, drain, dieNow });
  data.publishEndpoint(url);
  drainFor = config.drainSeconds * 1000;
  shutdown.add('endpoint', 1000, () => data.removeEndpoint());
  // Since the process began, loading of code included.
  const seconds = (performance.now() / 1000).toFixed(1);
  logger.info({ url, seconds }, 'ready');
  console.log(`Wadi is ready at ${url} after ${seconds} s. Data: ${config.data}  Log: ${config.logFile}`);
  if (!config.example) return;
  const { showExample } = await import('./example-cluster.ts');
  // Beside the service: it is up, whatever becomes of the example.
  void showExample({ url, token: data.token, signal: shutdown.signal, print: (line) => console.log(line) });
}

async function connect(config: Config, logger: Logger): Promise<Connection> {
  if (config.databaseUrl !== null) return { url: config.databaseUrl };
  const postgres = await startEmbeddedPostgres({
    dataDirectory: config.data,
    tell(text) {
      logger.info(text);
      console.log(`Note: ${text}`);
    },
    onLost: () => dieNow('the embedded database ended'),
  });
  shutdown.add('postgres', 25_000, () => postgres.stop());
  logger.info({ adopted: postgres.adopted }, 'database server is there');
  return postgres.connection;
}

/** Without a clean end: what is under way may already be another's, or has nowhere to be recorded. */
function dieNow(reason: string): void {
  if (shutdown.signal.aborted) return;
  log?.fatal(`${reason}: exiting at once`);
  console.error(`Wadi exits at once: ${reason}. Start it again; it goes on where it was.`);
  process.exit(75);
}

/** Stops when nobody comes any more. Another signal cuts it short. */
async function drained(): Promise<void> {
  console.log(`Stopping when nothing is open any more, in ${drainFor / 1000} s at the latest …`);
  log?.info({ milliseconds: drainFor }, 'draining');
  await drain.run(drainFor, shutdown.signal);
  await end();
}

async function end(): Promise<void> {
  shutdown.announce();
  // What the start has made so far is undone once it has made it.
  await starting?.catch(() => {});
  await shutdown.run(log);
  log?.info('stopped');
  process.exit(status);
}
