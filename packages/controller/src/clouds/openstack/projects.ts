import type { OpenStack } from '@wadi/openstack';

/** As whom the controller makes things for a project. */
export interface ProjectClients {
  /** `act` can be repeated: as another member. Throws when nobody lets the controller act for the project. */
  use<T>(projectId: string, act: (openstack: OpenStack) => Promise<T>): Promise<T>;
  /** Ids of those for which somebody does. */
  projects(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** One credential, for the one project that there is where Keystone does not say who is who. */
export class OwnProject implements ProjectClients {
  readonly #openstack: OpenStack;
  readonly #projectId: string;

  constructor(openstack: OpenStack, projectId: string) {
    this.#openstack = openstack;
    this.#projectId = projectId;
  }

  async use<T>(projectId: string, act: (openstack: OpenStack) => Promise<T>): Promise<T> {
    if (projectId === this.#projectId) return await act(this.#openstack);
    throw new Error(
      `the controller's credential for OpenStack is for the project '${this.#projectId}' alone: with --auth keystone ` +
        'each project has its own',
    );
  }

  async projects(): Promise<readonly string[]> {
    return [this.#projectId];
  }

  async close(): Promise<void> {
    await this.#openstack.close();
  }
}
