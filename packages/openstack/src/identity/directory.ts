import { type Static, Type } from 'typebox';
import type { Service } from '../service/service.ts';
import type { CallOptions } from '../wire/call.ts';

export const Project = Type.Object({
  id: Type.String(),
  name: Type.String(),
  domain_id: Type.String(),
  enabled: Type.Boolean(),
});
export type Project = Static<typeof Project>;

export const User = Type.Object({
  id: Type.String(),
  name: Type.String(),
  domain_id: Type.String(),
  enabled: Type.Boolean(),
});
export type User = Static<typeof User>;

const ProjectAnswer = Type.Object({ project: Project });
const UserAnswer = Type.Object({ user: User });

/** Users and projects, as far as who asks may see them: of others, and of those that there are not, a member gets FORBIDDEN. */
export class Directory {
  readonly #keystone: Service;

  constructor(keystone: Service) {
    this.#keystone = keystone;
  }

  /** Those that the user of the token may log in to. */
  async ownProjects(options: CallOptions = {}): Promise<Project[]> {
    return await this.#keystone.list('projects', Project, { ...options, path: ['auth', 'projects'] });
  }

  /** Null: there is none. */
  async project(id: string, options: CallOptions = {}): Promise<Project | null> {
    const request = { ...options, method: 'GET', path: ['projects', id] } as const;
    return (await this.#keystone.find(ProjectAnswer, request))?.project ?? null;
  }

  /** Null: there is none. */
  async user(id: string, options: CallOptions = {}): Promise<User | null> {
    const request = { ...options, method: 'GET', path: ['users', id] } as const;
    return (await this.#keystone.find(UserAnswer, request))?.user ?? null;
  }
}
