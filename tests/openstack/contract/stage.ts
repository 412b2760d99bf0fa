import type { OpenStack } from '@wadi/openstack';

type CleanUp = () => Promise<unknown>;

/** What a scenario has to play with. */
export interface Stage {
  /** As a user of a project that is empty and for nobody else. */
  readonly openstack: OpenStack;
  /** Another user, in the same domain, without any role there. */
  readonly stranger: OpenStack;
  /** A UUID that the cloud has never seen. */
  readonly freshId: string;
  /** Done in the end, the last first, whatever happens. */
  after(cleanUp: CleanUp): void;
  /** Reads until it is as wanted, and returns that. */
  until<T>(read: () => Promise<T>, wanted: (value: T) => boolean): Promise<T>;
  /** What only an administrator may do; -1: no limit. */
  limit(service: 'compute' | 'network', resource: string, limit: number): Promise<void>;
}

export interface Scenario {
  /** Of its recording too. */
  readonly name: string;
  readonly play: (stage: Stage) => Promise<void>;
}

export interface StageOptions extends Pick<Stage, 'openstack' | 'stranger' | 'freshId' | 'limit'> {
  /** After something was read the nth time and was not as wanted. Throws when there is no use in going on. */
  readonly again: (n: number) => Promise<void>;
}

/** Plays it, and cleans up behind it. */
export async function perform({ play }: Scenario, { again, ...options }: StageOptions): Promise<void> {
  const cleanUps: CleanUp[] = [];
  const problems: unknown[] = [];
  const stage: Stage = {
    ...options,
    after: (cleanUp) => void cleanUps.push(cleanUp),
    until: async (read, wanted) => {
      for (let n = 1; ; n += 1) {
        const value = await read();
        if (wanted(value)) return value;
        await again(n);
      }
    },
  };
  await play(stage).catch((error) => void problems.push(error));
  for (const cleanUp of cleanUps.reverse()) await cleanUp().catch((error) => void problems.push(error));
  if (problems.length === 1) throw problems[0];
  if (problems.length > 1) throw new AggregateError(problems, problems.map(String).join('; '));
}
