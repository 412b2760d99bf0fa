import { type Static, Type } from 'typebox';
import { RunTargetError } from './run.ts';

/** A proxy of a cluster, as this controller knows it from what went through it. */
export const ProxyHealth = Type.Object({
  id: Type.String({ format: 'uuid' }),
  name: Type.String(),
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
  machines: Type.Integer({ description: 'With an open connection through it.' }),
  error: Type.Union([RunTargetError, Type.Null()], { description: 'Why it is down.' }),
});
export type ProxyHealth = Static<typeof ProxyHealth>;

export const ProxyList = Type.Object({ proxies: Type.Array(ProxyHealth) });
export type ProxyList = Static<typeof ProxyList>;
