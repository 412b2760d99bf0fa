import { type Static, Type } from 'typebox';
import { AccessSettings } from './access.ts';
import { configs } from './field.ts';

/** A host name or an instance name: labels of letters, digits and hyphens (RFC 1123 section 2.1). */
const Label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
export const hostNamePattern = `^(?=.{1,253}$)${Label}(?:\\.${Label})*$`;

export const ImportedIdentity = Type.Object(
  {
    private_key: Type.String({ minLength: 1, maxLength: 65_536, description: 'OpenSSH or PEM text.' }),
    passphrase: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type ImportedIdentity = Static<typeof ImportedIdentity>;

export const ImportedMachine = Type.Object(
  {
    name: Type.String({ maxLength: 64, pattern: hostNamePattern, description: 'Kept as the instance name.' }),
    address: Type.String({ minLength: 1, maxLength: 253, description: 'IP address or host name.' }),
    floating_ip: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 253,
        description: 'By which the method `floating_ip` reaches it.',
      }),
    ),
    management_address: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 253,
        description:
          'IP address or host name by which the controller reaches it when it is, or becomes, a proxy; absent: `address` ' +
          'for those that are proxies from the start.',
      }),
    ),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, default: 22 })),
    user: Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_.-]{0,31}$' }),
    identity: Type.String({ minLength: 1, maxLength: 64, description: 'A label of `identities`.' }),
    is_proxy: Type.Optional(Type.Boolean({ default: false })),
    spare: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Not part of the cluster, and left alone, until its node group grows.',
      }),
    ),
    node_group: Type.Optional(
      Type.String({ minLength: 1, maxLength: 50, pattern: '^[A-Za-z](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$' }),
    ),
    host_keys: Type.Optional(
      Type.Array(Type.String({ maxLength: 16_384 }), { description: 'OpenSSH public keys.' }),
    ),
  },
  { additionalProperties: false },
);
export type ImportedMachine = Static<typeof ImportedMachine>;

/** Machines, and the keys that open them. */
const machines = {
  identities: Type.Record(Type.String({ minLength: 1, maxLength: 64 }), ImportedIdentity),
  machines: Type.Array(ImportedMachine, { minItems: 1, maxItems: 10_000 }),
  trust_first_contact: Type.Optional(
    Type.Boolean({ description: 'Take and pin the host key of machines without `host_keys`.' }),
  ),
};

/** POST /v2/clusters/{id}/machines: spare machines of an imported cluster. */
export const MachinesRequest = Type.Object(machines, { additionalProperties: false });
export type MachinesRequest = Static<typeof MachinesRequest>;

/** POST /v2/clusters/import: machines that exist already become a cluster. */
export const ImportRequest = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 50, pattern: '^[A-Za-z](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$' }),
    description: Type.Optional(Type.String()),
    plugin_name: Type.Optional(Type.String({ default: 'bare' })),
    plugin_version: Type.Optional(Type.String()),
    cluster_configs: configs(),
    access: Type.Optional(AccessSettings),
    ...machines,
  },
  { additionalProperties: false },
);
export type ImportRequest = Static<typeof ImportRequest>;
