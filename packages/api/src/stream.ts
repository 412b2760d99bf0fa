import { type Static, Type } from 'typebox';

/** GET /v2/clusters/{id}/instances/{instance}/ports/{port} */
export const PortQuery = Type.Object({
  from: Type.Optional(
    Type.Union([
      Type.Literal('network', { description: 'At the address that other machines see; the default.' }),
      Type.Literal('machine', {
        description: "At the machine's own 127.0.0.1, from inside its own session.",
      }),
    ]),
  ),
});
export type PortQuery = Static<typeof PortQuery>;

/** GET /v2/clusters/{id}/instances/{instance}/shell */
export const ShellQuery = Type.Object({
  columns: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Default 80.' })),
  rows: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Default 24.' })),
  term: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$',
      description: 'a kind of terminal, as xterm-256color',
    }),
  ),
  as_root: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
});
export type ShellQuery = Static<typeof ShellQuery>;
