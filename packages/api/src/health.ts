import { type Static, Type } from 'typebox';

/** GET /healthz, GET /readyz */
export const ServiceStatus = Type.Object({
  status: Type.Enum(['ok', 'ready', 'stopping', 'database unavailable']),
});
export type ServiceStatus = Static<typeof ServiceStatus>;

/** GET /healthcheck, as Sahara has it. */
export const HealthCheck = Type.Object({ detailed: Type.Boolean(), reasons: Type.Array(Type.String()) });

/** GET / */
export const VersionDocument = Type.Object({
  versions: Type.Array(
    Type.Object({
      id: Type.String({ examples: ['v2'] }),
      status: Type.Enum(['SUPPORTED', 'CURRENT']),
      links: Type.Array(Type.Object({ rel: Type.String(), href: Type.String() })),
      min_version: Type.Optional(Type.String()),
      max_version: Type.Optional(Type.String()),
    }),
  ),
});
