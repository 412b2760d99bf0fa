import { type Static, Type } from 'typebox';

/** How the controller gets its first byte to a machine; a proxy is reached so, and what is behind it through it. */
export const accessMethods = ['fixed_ip', 'floating_ip', 'netns', 'proxy_command', 'agent'] as const;

export const AccessMethod = Type.Union([
  Type.Literal('fixed_ip', { description: 'By its address in a network that the controller is in.' }),
  Type.Literal('floating_ip', { description: 'By its floating address.' }),
  Type.Literal('netns', { description: "By its fixed address, from inside its router's network namespace." }),
  Type.Literal('proxy_command', { description: 'By a program on the controller that passes bytes on.' }),
  Type.Literal('agent', { description: 'The machine dials in itself, and keeps the connection.' }),
]);
export type AccessMethod = Static<typeof AccessMethod>;

export const accessRelays = ['auto', 'direct-tcpip', 'nc', 'ncat', 'socat', 'devtcp'] as const;

const Relay = Type.Union(accessRelays.map((relay) => Type.Literal(relay)));
const id = (description: string) => Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$', description });

/** What a cluster has of its own; what is absent is as the controller has it. */
export const AccessSettings = Type.Object(
  {
    method: Type.Optional(AccessMethod),
    namespace: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$',
        description: 'For `netns`, in place of `qrouter-ROUTER_ID`; admins only.',
      }),
    ),
    router_id: Type.Optional(id('For `netns`, and `{router_id}` of a proxy_command; admins only.')),
    network_id: Type.Optional(id('`{network_id}` of a proxy_command; admins only.')),
    tenant_id: Type.Optional(
      id('`{tenant_id}` of a proxy_command, in place of the id of the project; admins only.'),
    ),
    proxy_command: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description:
          'For `proxy_command`: words with `{host}`, `{port}`, `{tenant_id}`, `{network_id}`, `{router_id}`; no shell ' +
          'reads them. It runs on the controller: admins only.',
        examples: ['ssh -W {host}:{port} relay-{tenant_id}'],
      }),
    ),
    relay: Type.Optional(
      Type.Unsafe<(typeof accessRelays)[number]>({
        ...Relay,
        description: 'By what bytes are passed on, at a proxy and in a namespace; `auto`: found out.',
      }),
    ),
    proxy_policy: Type.Optional(
      Type.Union([Type.Literal('balanced'), Type.Literal('first')], {
        description: 'Which of several proxies: by load and latency, or always the first one that works.',
      }),
    ),
    spread: Type.Optional(
      Type.Boolean({
        description:
          'A file for several machines is put near them once, encrypted, and fetched by them from the proxy, where that is ' +
          'faster. Default: true.',
      }),
    ),
    direct_when_faster: Type.Optional(
      Type.Boolean({
        description: 'A machine that is reachable without a proxy too is, where that is faster.',
      }),
    ),
    isolation_check: Type.Optional(
      Type.Boolean({
        description:
          'Whether a verification looks if machines behind the proxies answer the controller directly, which makes the ' +
          'cluster RED. Default: as the controller has it (`--isolation-check`), and never with `fixed_ip`.',
      }),
    ),
    promotion: Type.Optional(
      Type.Union([Type.Literal('off'), Type.Literal('automatic')], {
        description:
          'Whether a machine becomes a proxy by itself when no proxy could be used for so long; those are fenced then.',
      }),
    ),
    promote_after_seconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 86_400, default: 60 })),
  },
  { additionalProperties: false },
);
export type AccessSettings = Static<typeof AccessSettings>;

export const ClusterAccess = Type.Object({
  settings: AccessSettings,
  effective: Type.Object(
    {
      method: AccessMethod,
      namespace: Type.Union([Type.String(), Type.Null()]),
      proxy_command: Type.Union([Type.String(), Type.Null()]),
      relay: Type.String(),
      problem: Type.Union([Type.String(), Type.Null()], { description: 'Why no machine can be reached so.' }),
    },
    { description: 'With what the controller has for all clusters.' },
  ),
});
export type ClusterAccess = Static<typeof ClusterAccess>;

export const ClusterAccessAnswer = Type.Object({ access: ClusterAccess });
export type ClusterAccessAnswer = Static<typeof ClusterAccessAnswer>;

/** For a machine that is to dial in. */
export const AgentEnrollment = Type.Object({
  line: Type.String({ description: 'To be run on the machine, once; it holds a secret.' }),
  expires_at: Type.String(),
  endpoint: Type.String({ examples: ['wadi.example:8022'] }),
  host_key: Type.String({ description: 'Of the endpoint, as OpenSSH has it; the line pins it.' }),
});
export type AgentEnrollment = Static<typeof AgentEnrollment>;

export const AgentEnrollmentAnswer = Type.Object({ agent: AgentEnrollment });
export type AgentEnrollmentAnswer = Static<typeof AgentEnrollmentAnswer>;
