import type { OpenStack } from '@wadi/openstack';

/** As whom the controller makes things for a project. */
export interface ProjectClients {
  /** Throws when nobody has let the controller act for it. */
  clientFor(projectId: string): Promise<OpenStack>;
  /** Ids of those for which somebody has. */
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

  async clientFor(projectId: string): Promise<OpenStack> {
    if (projectId === this.#projectId) return this.#openstack;
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
