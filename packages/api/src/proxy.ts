import { type Static, Type } from 'typebox';
import { RunTargetError } from './run.ts';

/** What a machine is to do besides what its node group says. */
export const ProxyDuty = Type.Union([
  Type.Literal('drained', { description: 'Nothing new goes through it.' }),
  Type.Literal('promoted', { description: 'It serves as a proxy, though its node group does not say so.' }),
  Type.Literal('fenced', {
    description: 'Nothing is opened to it, since another was promoted in its place.',
  }),
]);
export type ProxyDuty = Static<typeof ProxyDuty>;

/** A proxy of a cluster, as this controller knows it from what went through it. */
export const ProxyHealth = Type.Object({
  id: Type.String({ format: 'uuid' }),
  name: Type.String(),
  duty: Type.Union([ProxyDuty, Type.Null()]),
  state: Type.Union([
    Type.Literal('up'),
    Type.Literal('down', { description: 'Nothing goes through it; it is tried again by itself.' }),
    Type.Literal('trying', { description: 'It was down, and is being tried now.' }),
    Type.Literal('unknown', { description: 'Nothing has gone through it yet.' }),
  ]),
  since: Type.Union([Type.String({ examples: ['2026-01-01T12:00:00.000Z'] }), Type.Null()]),
  latency_ms: Type.Union([Type.Number(), Type.Null()], {
    description: 'That a connection and handshake with it take, smoothed.',
  }),
  channels: Type.Integer({ description: 'Open on it or through it.' }),
  connections: Type.Integer({ description: 'Open to it, by this controller.' }),
  machines: Type.Integer({ description: 'With an open connection through it.' }),
  error: Type.Union([RunTargetError, Type.Null()], { description: 'Why it is down.' }),
});
export type ProxyHealth = Static<typeof ProxyHealth>;

export const ProxyList = Type.Object({ proxies: Type.Array(ProxyHealth) });
export type ProxyList = Static<typeof ProxyList>;

export const ProxyAnswer = Type.Object({ proxy: ProxyHealth });
export type ProxyAnswer = Static<typeof ProxyAnswer>;

/** POST …/proxies/{proxy}/drain */
export const ProxyDrain = Type.Object(
  {
    deadline_seconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 86_400,
        default: 600,
        description: 'After which what is still open through it is closed.',
      }),
    ),
    force: Type.Optional(
      Type.Boolean({ default: false, description: 'Even where other machines have no other way.' }),
    ),
  },
  { additionalProperties: false },
);
export type ProxyDrain = Static<typeof ProxyDrain>;

/** POST …/proxies/{proxy}/promote */
export const ProxyPromotion = Type.Object(
  {
    fence: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'What is a proxy until then is not used any more until it is readmitted; what is open through it breaks off.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type ProxyPromotion = Static<typeof ProxyPromotion>;
