import { seconds } from '../ids.ts';
import { detach } from '../neutron/floating-ip-kind.ts';
import type { Kinds } from '../neutron/kinds.ts';
import { Refusal } from '../reply.ts';
import type { World } from '../world.ts';
import { machineOf } from './machine.ts';
import type { Server } from './nova.ts';
import type { Leg } from './read-networks.ts';

/** What happens to a server after its request was accepted. */
export class Life {
  readonly #world: World;
  readonly #kinds: Kinds;

  constructor(world: World, kinds: Kinds) {
    this.#world = world;
    this.#kinds = kinds;
  }

  /** It is there at once; it has its ports and a host at half the time, and is ACTIVE at the end of it. */
  begin(server: Server, legs: readonly Leg[], groups: string[] | undefined): void {
    const { clock, settings, nova } = this.#world;
    nova.servers.set(server.id, server);
    const half = settings.activeAfter / 2;
    clock.after(half, () => {
      if (server.task === 'deleting') return;
      if (!this.#schedule(server))
        return this.#fail(server, 'No valid host was found. There are not enough hosts available.');
      server.task = 'spawning';
      if (!this.#plug(server, legs, groups))
        return this.#fail(
          server,
          'Exceeded maximum number of retries. Failed to allocate the network(s), not rescheduling.',
        );
      clock.after(half, () => this.#activate(server));
    });
  }

  /** Accepted now, gone later; asking again changes nothing. */
  end(server: Server): void {
    if (server.task === 'deleting') return;
    server.task = 'deleting';
    const { clock, settings } = this.#world;
    clock.after(settings.goneAfter, () => this.#remove(server));
  }

  /** Without a word before. An unknown id is a mistake of the test. */
  lose(id: string): void {
    const server = this.#world.nova.servers.get(id);
    if (!server) throw new Error(`the stand-in has no server ${id}`);
    server.task = 'deleting';
    this.#remove(server);
  }

  power(server: Server, change: 'start' | 'stop' | 'reboot'): void {
    server.task = { start: 'powering-on', stop: 'powering-off', reboot: 'rebooting' }[change];
    const { clock, settings, hooks } = this.#world;
    clock.after(settings.changedAfter, () => {
      if (server.task === 'deleting') return;
      Object.assign(server, {
        task: null,
        status: change === 'stop' ? 'SHUTOFF' : 'ACTIVE',
        updated: Date.now(),
      });
      const { onServerPower } = hooks;
      if (onServerPower) clock.call(() => onServerPower(machineOf(this.#world, server), change));
    });
  }

  /** Ports that were made for it go with it; others are free again. */
  #remove(server: Server): void {
    const { clock, hooks, nova, neutron } = this.#world;
    if (!nova.servers.has(server.id)) return;
    const machine = machineOf(this.#world, server);
    for (const port of neutron.portsOf(server.id)) {
      if (server.ownPorts.has(port.id)) {
        const floating = neutron.floatingIpOf(port.id);
        if (floating) detach(this.#world, floating);
        neutron.ports.delete(port.id);
      } else Object.assign(port, { device_id: '', device_owner: '', status: 'DOWN' });
    }
    nova.servers.delete(server.id);
    const { onServerGone } = hooks;
    if (onServerGone) clock.call(() => onServerGone(machine));
  }

  /** A host that no other server of a strict anti-affinity group has. False: there is none. */
  #schedule(server: Server): boolean {
    const { nova, settings, hooks } = this.#world;
    if (hooks.schedule && !hooks.schedule(machineOf(this.#world, server))) return false;
    const others = server.group ? nova.members(server.group) : [];
    const used = others.map(({ host }) => host).filter((host) => host !== null);
    const hosts = Array.from({ length: settings.hosts }, (_none, host) => host);
    const free = hosts.filter((host) => !used.includes(host));
    const policy = server.group?.policy ?? 'none';
    const load = (host: number) => [...nova.servers.values()].filter((one) => one.host === host).length;
    const [spread] = (free.length > 0 ? free : hosts).sort((a, b) => load(a) - load(b));
    if (policy === 'anti-affinity' && free.length === 0) return false;
    server.host =
      (policy.endsWith('anti-affinity') ? spread : policy.endsWith('affinity') ? used[0] : spread) ??
      spread ??
      null;
    return server.host !== null;
  }

  /** False: a network has no address left, or a port is gone. */
  #plug(server: Server, legs: readonly Leg[], groups: string[] | undefined): boolean {
    const { ports } = this.#kinds;
    const device = { device_id: server.id, device_owner: `compute:${server.zone}` };
    try {
      for (const { portId, networkId, fixedIp } of legs) {
        const own = portId === undefined;
        const fixed_ips = fixedIp === undefined ? undefined : [{ ip_address: fixedIp }];
        const wanted = { network_id: networkId, security_groups: groups, fixed_ips };
        const port = own ? ports.create(wanted, server.project) : ports.things.get(portId);
        if (!port) return false;
        Object.assign(port, device);
        ports.things.set(port.id, port);
        if (own) server.ownPorts.add(port.id);
      }
      return true;
    } catch (error) {
      if (error instanceof Refusal) return false;
      throw error;
    }
  }

  #activate(server: Server): void {
    if (server.task === 'deleting') return;
    const { clock, hooks, neutron } = this.#world;
    const now = Date.now();
    for (const port of neutron.portsOf(server.id)) port.status = 'ACTIVE';
    Object.assign(server, { status: 'ACTIVE', task: null, launched: now, updated: now });
    const { onServerActive } = hooks;
    if (onServerActive) clock.call(() => onServerActive(machineOf(this.#world, server)));
  }

  #fail(server: Server, message: string): void {
    const { neutron } = this.#world;
    for (const id of server.ownPorts) neutron.ports.delete(id);
    const fault = { code: 500, message, created: seconds() };
    Object.assign(server, { status: 'ERROR', task: null, host: null, fault, updated: Date.now() });
  }
}
