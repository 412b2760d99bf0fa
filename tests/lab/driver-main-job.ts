// Runs in the controller's network: a command, a file of 64 MiB there and back, and a web page, all of one machine.
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { AccessError, IndirectAccess } from '@wadi/indirect-access';
import { request } from 'undici';
import type { LabInventory } from '../set-up/lab.ts';
import { labRoute } from '../set-up/lab-route.ts';

export interface MainJob {
  /** Code of the error of a connection straight to the machine; null if it was made. */
  readonly direct: string | null;
  readonly relay?: string;
  readonly hostname?: string;
  /** SHA-256 of what was sent, of what lies on the machine, and of what came back. */
  readonly checksums?: readonly (string | undefined)[];
  readonly page?: string;
  readonly error?: { readonly code: string; readonly hop: string | undefined };
}

const { inventory, privateKey } = (await json(process.stdin)) as {
  inventory: LabInventory;
  privateKey: string;
};
const route = labRoute(inventory, 'machine-1');
const access = new IndirectAccess({ identity: () => ({ privateKey }) });
const direct = await directly(route.machine.host);
try {
  console.log(JSON.stringify({ direct, ...(await mainJob()) }));
} catch (error) {
  if (!(error instanceof AccessError)) throw error;
  console.log(JSON.stringify({ direct, error: { code: error.code, hop: error.hop } }));
} finally {
  await access.close();
}

async function mainJob(): Promise<Omit<MainJob, 'direct'>> {
  const { stdout } = await access.exec(route, ['hostname']);
  const data = randomBytes(64 << 20);
  const files = access.files(route);
  await files.write('data', Readable.from(slices(data)));
  const there = await access.exec(route, ['sha256sum', 'data']);
  const back = await files.read('data');
  const dispatcher = access.dispatcher(route);
  const page = await request('http://machine-1:8080/', { dispatcher });
  const text = await page.body.text();
  await dispatcher.close();
  return {
    relay: (await access.connect(route)).relay ?? 'none',
    hostname: stdout.toString().trim(),
    checksums: [sha256(data), there.stdout.toString().split(' ')[0], sha256(back)],
    page: text,
  };
}

function directly(host: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 22, timeout: 3000 });
    const settle = (code: string | null) => {
      socket.destroy();
      resolve(code);
    };
    socket.once('connect', () => settle(null));
    socket.once('timeout', () => settle('ETIMEDOUT'));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? 'unknown'));
  });
}

function* slices(data: Buffer): Generator<Buffer> {
  for (let offset = 0; offset < data.length; offset += 1 << 18)
    yield data.subarray(offset, offset + (1 << 18));
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
