import { type Static, Type } from 'typebox';
import { AccessSettings } from './access.ts';
import { type ClusterStatus, clusterStatuses } from './cluster-status.ts';
import { Configs, orNull, Share } from './field.ts';
import { hostNamePattern } from './import.ts';
import { nodeGroupFields } from './node-group-template.ts';

/** As Sahara has them, without dashes too. */
const uuid = () => Type.String({ format: 'uuid', minLength: 32 });
const text = (maxLength = 255) => Type.String({ minLength: 1, maxLength });
/** Sahara's names become host names; older ones were longer than those of today. */
const name = () => Type.String({ minLength: 1, maxLength: 80, format: 'valid_name_hostname' });
const address = () => orNull(Type.String({ minLength: 1, maxLength: 45 }));

const { is_proxy_gateway: _shipped, is_proxy: _ours, ...values } = nodeGroupFields;
const groupValues = { ...values, is_proxy: Type.Boolean() };

const clusterValues = {
  description: orNull(Type.String({ maxLength: 65_535 })),
  default_image_id: orNull(Type.String()),
  cluster_configs: Configs,
  anti_affinity: Type.Array(Type.String()),
  neutron_management_network: orNull(Type.String()),
  shares: orNull(Type.Array(Share)),
  use_autoconfig: orNull(Type.Boolean()),
  domain_name: orNull(Type.String()),
  plugin_name: text(80),
  plugin_version: text(80),
  is_public: Type.Boolean(),
  is_protected: Type.Boolean(),
};

const AdoptedNodeGroupTemplate = Type.Object(
  {
    id: uuid(),
    name: name(),
    description: orNull(Type.String()),
    plugin_name: text(80),
    plugin_version: text(80),
    is_public: Type.Boolean(),
    is_protected: Type.Boolean(),
    ...groupValues,
  },
  { additionalProperties: false },
);

const AdoptedClusterTemplate = Type.Object(
  {
    id: uuid(),
    name: name(),
    ...clusterValues,
    node_groups: Type.Array(
      Type.Object(
        {
          id: uuid(),
          name: name(),
          count: Type.Integer({ minimum: 0 }),
          node_group_template_id: orNull(uuid()),
          ...groupValues,
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

const AdoptedInstance = Type.Object(
  {
    id: uuid(),
    name: Type.String({ maxLength: 80, pattern: hostNamePattern }),
    server_id: orNull(Type.String({ minLength: 1, maxLength: 64, description: "Nova's id of the server." })),
    internal_ip: address(),
    management_ip: address(),
    host_keys: Type.Optional(
      Type.Array(Type.String({ maxLength: 16_384 }), { description: 'OpenSSH public keys.' }),
    ),
  },
  { additionalProperties: false },
);

const AdoptedNodeGroup = Type.Object(
  {
    id: uuid(),
    name: name(),
    node_group_template_id: orNull(uuid()),
    user: Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_.-]{0,31}$', description: 'Who logs in.' }),
    ...groupValues,
    instances: Type.Array(AdoptedInstance, { maxItems: 10_000 }),
  },
  { additionalProperties: false },
);

/** POST /v2/adoptions: a cluster as Sahara's database has it. */
export const AdoptionRequest = Type.Object(
  {
    project_id: Type.String({ minLength: 1, maxLength: 64 }),
    id: uuid(),
    name: name(),
    ...clusterValues,
    user_keypair_id: orNull(Type.String()),
    is_transient: Type.Boolean(),
    info: Type.Record(Type.String(), Type.Unknown()),
    management_private_key: Type.String({ minLength: 1, maxLength: 65_536, description: 'PEM text.' }),
    management_public_key: Type.Optional(Type.String({ maxLength: 16_384 })),
    heat_stack: orNull(text()),
    node_group_templates: Type.Array(AdoptedNodeGroupTemplate, { maxItems: 1000 }),
    cluster_template: orNull(AdoptedClusterTemplate),
    node_groups: Type.Array(AdoptedNodeGroup, { minItems: 1, maxItems: 1000 }),
    access: Type.Optional(AccessSettings),
    trust_first_contact: Type.Optional(
      Type.Boolean({
        description:
          'Take and pin the host key of machines of which neither `host_keys` nor the cloud tells one.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type AdoptionRequest = Static<typeof AdoptionRequest>;

/** How far it is. */
export const Adoption = Type.Object({
  cluster_id: Type.String(),
  name: Type.String(),
  project_id: Type.String(),
  status: Type.Unsafe<ClusterStatus>({ type: 'string', enum: [...clusterStatuses] }),
  status_description: Type.String(),
  machines: Type.Integer(),
  host_keys: Type.Object(
    {
      cloud: Type.Integer({ description: 'Read from the console.' }),
      given: Type.Integer(),
      'first-contact': Type.Integer(),
      unknown: Type.Integer(),
    },
    { description: 'How many machines have a host key pinned, by who vouches for it.' },
  ),
  key: Type.Union([
    Type.Literal('sahara', { description: 'The management key is the one that Sahara has.' }),
    Type.Literal('replacing', {
      description: 'A new one is let in, machine by machine; Sahara lets itself in as well.',
    }),
    Type.Literal('own', { description: 'It is one that only Wadi has.' }),
  ]),
  key_problems: Type.Array(Type.String(), {
    description:
      'Machines whose key could not be replaced the last time, and why. They are tried again until it can.',
  }),
  heat_stack: orNull(
    Type.String({ description: 'Of Sahara; it stays whatever becomes of the cluster here.' }),
  ),
});
export type Adoption = Static<typeof Adoption>;

export const AdoptionAnswer = Type.Object({
  adoption: Adoption,
  left_out: Type.Optional(
    Type.Array(Type.String(), { description: 'Templates that could not be taken over, and why.' }),
  ),
});
export type AdoptionAnswer = Static<typeof AdoptionAnswer>;

export const AdoptionList = Type.Object({ adoptions: Type.Array(Adoption) });
export type AdoptionList = Static<typeof AdoptionList>;
