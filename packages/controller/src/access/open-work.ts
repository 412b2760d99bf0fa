import type { Route } from '@wadi/indirect-access';

/** Something that goes over a route for long, and that could go on over another one. */
interface Work {
  readonly clusterId: string;
  readonly machineId: string;
  /** Ids of the machines that it goes through. */
  readonly jumps: ReadonlySet<string>;
  leave(): void;
}

/** What is under way over routes and can change them: runs that are followed. */
export class OpenWork {
  readonly #works = new Set<Work>();

  /** Until what it returns is called. `leave`: goes on over whatever route there is then. */
  add(clusterId: string, route: Route, leave: () => void): () => void {
    const jumps = new Set(route.hops.flatMap((hop) => (hop.kind === 'ssh' ? [hop.machine.id] : [])));
    const work = { clusterId, machineId: route.machine.id, jumps, leave };
    this.#works.add(work);
    return () => this.#works.delete(work);
  }

  through(machineId: string): readonly Work[] {
    return [...this.#works].filter(({ jumps }) => jumps.has(machineId));
  }
}
