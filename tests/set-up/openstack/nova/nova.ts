import type { User } from '../keystone/identity.ts';

export interface Flavor {
  readonly id: string;
  readonly name: string;
  readonly vcpus: number;
  /** MiB. */
  readonly ram: number;
  /** GiB. */
  readonly disk: number;
}

export interface Keypair {
  readonly name: string;
  readonly public_key: string;
  readonly fingerprint: string;
  readonly user_id: string;
}

export interface ServerGroup {
  readonly id: string;
  readonly name: string;
  readonly policy: string;
  readonly project_id: string;
  readonly user_id: string;
}

export type Status = 'BUILD' | 'ACTIVE' | 'SHUTOFF' | 'ERROR';

export interface Server {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  readonly user: User;
  readonly flavor: Flavor;
  readonly imageId: string | null;
  readonly keypair: Keypair | null;
  /** As it was before it was encoded. */
  readonly userData: string | null;
  readonly configDrive: boolean;
  readonly zone: string;
  readonly group: ServerGroup | null;
  readonly created: number;
  updated: number;
  launched: number | null;
  status: Status;
  task: string | null;
  metadata: Record<string, string>;
  tags: string[];
  /** Which of the hosts; null: it is on none. */
  host: number | null;
  fault: { readonly code: number; readonly message: string; readonly created: string } | null;
  /** Made with it, so that they go with it. */
  readonly ownPorts: Set<string>;
}

/** What Nova holds. */
export class Nova {
  readonly flavors: Flavor[] = [];
  readonly servers = new Map<string, Server>();
  readonly groups = new Map<string, ServerGroup>();
  /** By user id and name. */
  readonly keypairs = new Map<string, Keypair>();

  serversOf(project: string): Server[] {
    return [...this.servers.values()].filter((server) => server.project === project);
  }

  members(group: ServerGroup): Server[] {
    return [...this.servers.values()].filter((server) => server.group?.id === group.id);
  }

  keypair(userId: string, name: string): Keypair | undefined {
    return this.keypairs.get(`${userId} ${name}`);
  }
}
