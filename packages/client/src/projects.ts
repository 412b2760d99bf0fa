import type { Project, ProjectAnswer, ProjectList, ProjectRequest, ProjectUpdate } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/projects`: tenants. For admins; those of the project `default` see all and make new ones. */
export class Projects {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<Project[]> {
    return (await this.#transport.json<ProjectList>('GET', '/v2/projects', options)).projects;
  }

  async create(body: ProjectRequest, options: CallOptions = {}): Promise<Project> {
    const call = { ...options, body };
    return (await this.#transport.json<ProjectAnswer>('POST', '/v2/projects', call)).project;
  }

  async update(id: string, body: ProjectUpdate, options: CallOptions = {}): Promise<Project> {
    const path = `/v2/projects/${encodeURIComponent(id)}`;
    const call = { ...options, body };
    return (await this.#transport.json<ProjectAnswer>('PATCH', path, call)).project;
  }
}
