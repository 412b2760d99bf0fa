import { ApiError } from '@wadi/api';
import type { OpenStack } from '@wadi/openstack';
import type { Asking } from '../cloud.ts';
import { cloudError } from './cloud-error.ts';

/** As whom the controller makes things for a project. */
export interface ProjectClients {
  /** `act` can be repeated: as another member. Throws when nobody lets the controller act for the project. */
  use<T>(projectId: string, act: (openstack: OpenStack) => Promise<T>): Promise<T>;
  /** As whoever asks, with that one's own rights and by what the request came with. */
  useAs<T>(asking: Asking, act: (openstack: OpenStack) => Promise<T>): Promise<T>;
  /** Ids of those for which somebody does. */
  projects(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** What goes wrong is told as users are told it. */
export async function inProject<T>(
  projects: ProjectClients,
  projectId: string,
  act: (openstack: OpenStack) => Promise<T>,
): Promise<T> {
  try {
    return await projects.use(projectId, act);
  } catch (error) {
    throw cloudError(error);
  }
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
    throw new ApiError(
      409,
      'CONFLICT',
      `This controller's credential for OpenStack is for the project '${this.#projectId}' alone`,
      { hint: 'start it with --auth keystone: then each project has its own' },
    );
  }

  /** Everybody is who the credential is of. */
  useAs<T>({ projectId }: Asking, act: (openstack: OpenStack) => Promise<T>): Promise<T> {
    return this.use(projectId, act);
  }

  async projects(): Promise<readonly string[]> {
    return [this.#projectId];
  }

  async close(): Promise<void> {
    await this.#openstack.close();
  }
}
