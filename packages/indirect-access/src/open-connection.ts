import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admission } from './admission.ts';
import { atHop } from './at-hop.ts';
import { cancelled } from './deadline.ts';
import type { Identity, SshConnection } from './engine/engine.ts';
import { AccessError, type Phase } from './errors.ts';
import type { HostKeyCheck } from './host-key-check.ts';
import type { PoolOptions } from './pool.ts';
import type { ProxyMachine } from './proxy-machine.ts';
import type { Route } from './route.ts';

export interface OpenConnectionOptions extends PoolOptions {
  readonly hostKeys: HostKeyCheck;
  readonly admission: Admission;
  /** The machine to dial from; undefined: this process dials. */
  readonly proxy: ProxyMachine | undefined;
  readonly signal: AbortSignal;
}

/** sshd drops connections at random above MaxStartups; a few tries with jitter get through. */
const defaultTries = 5;

export interface OpenedConnection {
  readonly ssh: SshConnection;
  /** That dial and handshake took. */
  readonly milliseconds: number;
}

/** Opens the stream and authenticates over it. */
export async function openConnection(
  route: Route,
  options: OpenConnectionOptions,
): Promise<OpenedConnection> {
  const { machine } = route;
  const { admission, proxy, signal } = options;
  // Held until the handshake is over, so that the proxy's own connection is there before the queue is entered
  // and cannot fall idle in it.
  const hold = await proxy?.hold(signal);
  const queues = [...(proxy ? [`through ${proxy.id}`] : []), `to ${machine.id}`];
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await admission.run(queues, signal, async () => {
          const began = performance.now();
          const ssh = await connect(route, options);
          return { ssh, milliseconds: performance.now() - began };
        });
      } catch (error) {
        const again = error instanceof AccessError && error.code === 'OVERLOADED' && error.hop === undefined;
        if (!again || attempt === (options.tries ?? defaultTries)) throw error;
        await pause(attempt, signal);
      }
    }
  } catch (error) {
    throw atHop(error, machine.name);
  } finally {
    hold?.release();
  }
}

async function connect(route: Route, options: OpenConnectionOptions): Promise<SshConnection> {
  const identities = await findIdentities(options, route.machine.credential);
  try {
    return await connectAs(identities, route, options);
  } catch (error) {
    if (!(error instanceof AccessError) || error.code !== 'AUTHENTICATION_FAILED') throw error;
    // The key may have been replaced while the connection came about.
    const now = await findIdentities(options, route.machine.credential);
    if (now.every((one) => identities.some((tried) => isSame(one, tried)))) throw error;
    return await connectAs(now, route, options);
  }
}

async function connectAs(
  identities: readonly Identity[],
  route: Route,
  options: OpenConnectionOptions,
): Promise<SshConnection> {
  const { machine } = route;
  const { engine, hostKeys, deadlines, keepalive, signal } = options;
  const onPhase = (phase: Phase) => options.onPhase?.(route, phase);
  const stream = await open(route, options, onPhase);
  stream.on('error', () => {});
  const hostKeyTypes = hostKeys.types(machine);
  return engine.connect(stream, {
    user: machine.user,
    identities,
    verifyHostKey: (key) => hostKeys.verify(machine, key, signal),
    ...(hostKeyTypes ? { hostKeyTypes } : {}),
    deadlines,
    keepalive,
    signal,
    onPhase,
  });
}

function open(
  route: Route,
  { proxy, firstHops, signal }: OpenConnectionOptions,
  onPhase: (phase: Phase) => void,
): Promise<Duplex> {
  if (!proxy) return firstHops.open(route.hops[0], { ...route.machine, speaksFirst: true }, signal, onPhase);
  onPhase('dial');
  return proxy.open(route.machine, signal);
}

async function findIdentities(
  { identity }: OpenConnectionOptions,
  credential: string,
): Promise<readonly Identity[]> {
  try {
    return [await identity(credential)].flat();
  } catch (cause) {
    throw new AccessError(`the credential ${credential} is not available`, {
      code: 'AUTHENTICATION_FAILED',
      phase: 'authentication',
      hint: 'its private key cannot be read any more: give the machine another credential',
      cause,
    });
  }
}

function isSame(one: Identity, other: Identity): boolean {
  return one.passphrase === other.passphrase && one.privateKey.toString() === other.privateKey.toString();
}

async function pause(attempt: number, signal: AbortSignal): Promise<void> {
  const milliseconds = 100 * 2 ** attempt * (0.5 + Math.random());
  await sleep(milliseconds, undefined, { signal }).catch(() => {
    throw cancelled(signal);
  });
}
