import { type Static, Type } from 'typebox';

/** What a token may do in its project. Roles are sets of these; a token may be restricted to fewer. */
export const rights = ['view', 'run', 'root', 'shell', 'tunnel', 'admin'] as const;

export const Right = Type.Union([
  Type.Literal('view', { description: 'See what there is; no command lines, output or files.' }),
  Type.Literal('run', { description: 'Make, change and delete; run commands and read their output.' }),
  Type.Literal('root', { description: 'Run them as root.' }),
  Type.Literal('shell', { description: 'Shells and files.' }),
  Type.Literal('tunnel', { description: 'Tunnels to machines and their web pages.' }),
  Type.Literal('admin', { description: 'Tokens, projects, plugins and the audit log.' }),
]);
export type Right = Static<typeof Right>;

export const roles = ['reader', 'member', 'admin'] as const;

export const Role = Type.Union([Type.Literal('reader'), Type.Literal('member'), Type.Literal('admin')]);
export type Role = Static<typeof Role>;
