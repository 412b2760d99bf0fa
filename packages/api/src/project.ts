import { type Static, Type } from 'typebox';

/** POST /v2/projects */
export const ProjectRequest = Type.Object(
  {
    id: Type.String({
      pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
      description: 'Its id and its name, for ever.',
    }),
    member_root: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type ProjectRequest = Static<typeof ProjectRequest>;

/** PATCH /v2/projects/{id} */
export const ProjectUpdate = Type.Object({ member_root: Type.Boolean() }, { additionalProperties: false });
export type ProjectUpdate = Static<typeof ProjectUpdate>;

export const Project = Type.Object({
  id: Type.String(),
  name: Type.String(),
  member_root: Type.Boolean({ description: 'Its members may run commands as root.' }),
  created_at: Type.String(),
});
export type Project = Static<typeof Project>;

export const ProjectAnswer = Type.Object({ project: Project });
export type ProjectAnswer = Static<typeof ProjectAnswer>;

export const ProjectList = Type.Object({ projects: Type.Array(Project) });
export type ProjectList = Static<typeof ProjectList>;
