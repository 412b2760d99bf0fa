import { spawnSync } from 'node:child_process';
import type { AccessEvent, AccessOptions } from './access-options.ts';
import { IndirectAccess } from './indirect-access.ts';
import type { Machine, Route, SshHop } from './route.ts';
import { makeKey, startSshd, type TestKey, type TestSshd } from './test-sshd.ts';

/** What the tests of this package share: servers, and access to them, all ended together. */
export class TestBed {
  readonly key: TestKey = makeKey();
  readonly events: AccessEvent[] = [];
  readonly #servers: TestSshd[] = [];
  readonly #accesses: IndirectAccess[] = [];

  async sshd(name: string, config: readonly string[] = []): Promise<TestSshd> {
    const server = await startSshd(name, this.key, config);
    this.#servers.push(server);
    return server;
  }

  access(options: Partial<AccessOptions> = {}): IndirectAccess {
    const access = new IndirectAccess({
      identity: () => ({ privateKey: this.key.privateKey }),
      onEvent: (event) => {
        this.events.push(event);
      },
      ...options,
    });
    this.#accesses.push(access);
    return access;
  }

  eventTypes(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** To be called after each test: what it opened must not reach into the next one. */
  async reset(): Promise<void> {
    await Promise.all(this.#accesses.splice(0).map((access) => access.close()));
    this.events.length = 0;
  }

  async stop(): Promise<void> {
    await this.reset();
    await Promise.all(this.#servers.splice(0).map((server) => server.stop()));
  }
}

export function direct(machine: Machine): Route {
  return { hops: [{ kind: 'tcp' }], machine };
}

export function through(proxy: Machine, machine: Machine, hop: Partial<SshHop> = {}): Route {
  return { hops: [{ kind: 'tcp' }, { kind: 'ssh', machine: proxy, relay: 'auto', ...hop }], machine };
}

/** Command lines of all processes that hold `text`. */
export function processesWith(text: string): string[] {
  const { stdout } = spawnSync('ps', ['-eo', 'stat=,args='], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes(text) && !line.startsWith('Z'));
}

/** Sockets that this process has open. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP')).length;
}

/** For what becomes true a little later. */
export async function eventually(check: () => boolean, milliseconds = 10_000): Promise<boolean> {
  for (const end = Date.now() + milliseconds; Date.now() < end; ) {
    if (check()) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return check();
}
