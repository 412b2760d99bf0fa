import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { selfSigned } from '../set-up/certificate.ts';
import { createDatabase } from '../set-up/database.ts';
import { keepEvidence, plantSecret } from '../set-up/run-folder.ts';
import {
  type Controller,
  newDataDirectory,
  plantMasterKeys,
  startController,
} from '../set-up/start-controller.ts';
import { Entrance } from './entrance.ts';

/** The very file that the documentation names. */
const configuration = fileURLToPath(new URL('../../examples/haproxy.cfg', import.meta.url));

export interface TwoControllers {
  /** PEM file of the authority that the balancer's certificate is from. */
  readonly authority: string;
  readonly balancer: Entrance;
  readonly controllers: Readonly<Record<'a' | 'b', Controller>>;
  /** Past the balancer. */
  direct(name: 'a' | 'b', localAddress?: string): Entrance;
  /** By the balancer, from another address of this computer. */
  from(localAddress: string): Entrance;
  /** After a kill or a stop. */
  restart(name: 'a' | 'b'): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds; the computer may be busy with everything else. */
const patience = 30_000;

/** Two controllers on one database, behind HAProxy with the example configuration. */
export async function startTwoControllers(settings: string): Promise<TwoControllers> {
  const folder = mkdtempSync(path.join(inject('runFolder'), 'balancer-'));
  const file = (name: string, content: string) => {
    writeFileSync(path.join(folder, name), content, { mode: 0o600 });
    return path.join(folder, name);
  };
  const { key, cert } = selfSigned('localhost');
  plantSecret('tls-key', key);
  const files = {
    key: file('key.pem', key),
    cert: file('cert.pem', cert),
    both: file('both.pem', cert + key),
  };
  const masterKey = `${randomBytes(32).toString('base64')}\n`;
  plantMasterKeys(masterKey);
  const masterKeyFile = file('master.key', masterKey);
  const database = await createDatabase();
  const [port, agents, ...ports] = await freePorts(6);
  const [a, b, agentsA, agentsB] = ports.map((each) => `127.0.0.1:${each}`);

  const start = (data: string, listen = '', endpoint = '') => {
    const config = `
hosts: [localhost, "localhost:${port}"]
tls_cert: ${files.cert}
tls_key: ${files.key}
trusted_tls_proxies: [127.0.0.1/32]
master_key_file: ${masterKeyFile}
drain_seconds: 60
agent_listen: ${endpoint}
agent_advertise: 127.0.0.1:${agents}
trusted_agent_proxies: [127.0.0.1/32]
${settings}`;
    const args = ['--config', file(`${endpoint}.yaml`, config)];
    return startController({ data, args, listen, database: { url: database.url } });
  };
  const data = { a: newDataDirectory(), b: newDataDirectory() };
  const again = { a: () => start(data.a, a, agentsA), b: () => start(data.b, b, agentsB) };
  const [first, second] = await Promise.all([again.a(), again.b()]);
  const controllers = { a: first, b: second };

  const haproxy = startHaproxy({
    ...{
      WADI_LISTEN: `127.0.0.1:${port}`,
      WADI_NAME: 'localhost',
      WADI_CERT: files.both,
      WADI_CA: files.cert,
    },
    ...{ WADI_A: a, WADI_B: b, WADI_AGENTS: `127.0.0.1:${agents}` },
    ...{ WADI_AGENTS_A: agentsA, WADI_AGENTS_B: agentsB },
  });
  const entrances: Entrance[] = [];
  const entrance = (url: string, localAddress?: string) => {
    const made = new Entrance(url, controllers.a.token, {
      ca: cert,
      ...(localAddress ? { localAddress } : {}),
    });
    entrances.push(made);
    return made;
  };
  const url = `https://localhost:${port}`;
  const balancer = entrance(url);
  await until(async () => (await balancer.request('GET', '/readyz')).status === 200);
  return {
    ...{
      authority: files.cert,
      balancer,
      controllers,
    },
    direct: (name, localAddress) =>
      entrance(controllers[name].url.replace('127.0.0.1', 'localhost'), localAddress),
    from: (localAddress) => entrance(url, localAddress),
    async restart(name) {
      controllers[name] = await again[name]();
    },
    async close() {
      await Promise.all(entrances.map((each) => each.close()));
      await Promise.all(Object.values(controllers).map((each) => each.stop()));
      await haproxy.stop();
    },
  };
}

/** Until it comes about; an error on the way is as good as no. */
export async function until(check: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + patience; !(await check().catch(() => false)); await sleep(50))
    if (performance.now() > end) throw new Error(`it did not come about: ${check}`);
}

function startHaproxy(env: Record<string, string | undefined>) {
  const child: ChildProcess = spawn('/usr/sbin/haproxy', ['-db', '-f', configuration], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  const ended = once(child, 'close');
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
      process.off('exit', killAtExit);
      keepEvidence('haproxy', output);
    },
  };
}

/** All at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
