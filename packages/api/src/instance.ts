import { type Static, Type } from 'typebox';

/** One step of a route, as shown to people. */
export const RouteHop = Type.Object({
  kind: Type.Union([
    Type.Literal('tcp'),
    Type.Literal('netns'),
    Type.Literal('command'),
    Type.Literal('agent'),
    Type.Literal('ssh'),
  ]),
  namespace: Type.Optional(Type.String({ description: 'The network namespace that is dialled from.' })),
  machine: Type.Optional(Type.String({ description: 'The machine that is jumped through.' })),
  host: Type.Optional(Type.String()),
  port: Type.Optional(Type.Integer()),
  relay: Type.Optional(Type.String({ description: 'How the proxy passes bytes on; `auto`: found out.' })),
});
export type RouteHop = Static<typeof RouteHop>;

/** A route in words and hop by hop; the first of the candidates. */
export const RouteView = Type.Object({
  text: Type.String({ examples: ['tcp > demo-proxy-0 > demo-web-1'] }),
  hops: Type.Array(RouteHop),
});
export type RouteView = Static<typeof RouteView>;

/** What proves that a machine is the one that is meant, and who vouches for it. */
export const HostKeyView = Type.Object({
  fingerprints: Type.Array(Type.String({ examples: ['SHA256:…'] })),
  keys: Type.Array(Type.String({ examples: ['ssh-ed25519 AAAA…'] }), {
    description: 'As a known_hosts file has them.',
  }),
  source: Type.Union([
    Type.Literal('cloud', { description: 'Known before the first contact.' }),
    Type.Literal('injected', {
      description:
        'Given to the machine in its user data, which others there can read, until it has made others.',
    }),
    Type.Literal('given', { description: 'Given by the user.' }),
    Type.Literal('first-contact', { description: 'Taken at the first contact, then pinned.' }),
    Type.Null(),
  ]),
});

/** A machine of a cluster, and the way to it. */
export const Instance = Type.Object({
  id: Type.String({ format: 'uuid' }),
  name: Type.String(),
  node_group_name: Type.String(),
  is_proxy: Type.Boolean(),
  cloud_instance_id: Type.Union([Type.String(), Type.Null()]),
  internal_ip: Type.Union([Type.String(), Type.Null()]),
  floating_ip: Type.Union([Type.String(), Type.Null()]),
  management_ip: Type.Union([Type.String(), Type.Null()]),
  login_user: Type.Union([Type.String(), Type.Null()]),
  ssh_port: Type.Union([Type.Integer(), Type.Null()], { description: 'Null while no route is known.' }),
  host_key: HostKeyView,
  route: Type.Union([RouteView, Type.Null()], { description: 'Null while no route is known.' }),
});
export type Instance = Static<typeof Instance>;

export const InstanceList = Type.Object({ instances: Type.Array(Instance) });
export type InstanceList = Static<typeof InstanceList>;
