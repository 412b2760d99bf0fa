import { readFileSync } from 'node:fs';
import { type Static, Type } from 'typebox';
import { Errors } from 'typebox/value';
import { parse } from 'yaml';
import { ConfigError, logLevels } from './config.ts';

const AtOnce = Type.Integer({ minimum: 1, maximum: 1000 });

const ConfigFile = Type.Object(
  {
    listen: Type.Optional(Type.String()),
    data: Type.Optional(Type.String()),
    hosts: Type.Optional(
      Type.Array(Type.String({ pattern: '^([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])(:[1-9][0-9]{0,4})?$' })),
    ),
    sandbox: Type.Optional(Type.Boolean()),
    access_method: Type.Optional(Type.String()),
    proxy_command: Type.Optional(Type.String()),
    root_wrapper: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { maxItems: 32 })),
    agent_listen: Type.Optional(Type.String()),
    agent_advertise: Type.Optional(Type.String()),
    agent_peer_advertise: Type.Optional(Type.String()),
    trusted_agent_proxies: Type.Optional(Type.Array(Type.String())),
    allow_networks: Type.Optional(Type.Array(Type.String())),
    openstack: Type.Optional(
      Type.Object(
        {
          cloud: Type.Optional(Type.String({ minLength: 1 })),
          clouds_file: Type.Optional(Type.String({ minLength: 1 })),
          controller_networks: Type.Optional(Type.Array(Type.String())),
          floating_ip_pool: Type.Optional(Type.String({ minLength: 1 })),
        },
        { additionalProperties: false },
      ),
    ),
    plugins: Type.Optional(Type.String()),
    verify_every_seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 31_536_000 })),
    isolation_check: Type.Optional(Type.String()),
    machines_at_once: Type.Optional(
      Type.Object(
        { cluster: Type.Optional(AtOnce), project: Type.Optional(AtOnce), cloud: Type.Optional(AtOnce) },
        { additionalProperties: false },
      ),
    ),
    lost_contact_seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 31_536_000 })),
    database_url: Type.Optional(Type.String()),
    master_key_file: Type.Optional(Type.String({ minLength: 1 })),
    master_key_credential: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$' })),
    master_key_command: Type.Optional(
      Type.Array(Type.String({ maxLength: 1024, pattern: '^[^\\0]*$' }), { minItems: 1, maxItems: 32 }),
    ),
    auth: Type.Optional(Type.Enum(['tokens', 'keystone', 'none'])),
    keystone_url: Type.Optional(Type.String()),
    keystone_credential: Type.Optional(Type.String()),
    keystone_ca: Type.Optional(Type.String()),
    keystone_allow_http: Type.Optional(Type.Boolean()),
    keystone_operators_project: Type.Optional(Type.String({ minLength: 1 })),
    tls_cert: Type.Optional(Type.String()),
    tls_key: Type.Optional(Type.String()),
    trusted_tls_proxies: Type.Optional(Type.Array(Type.String())),
    drain_seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600 })),
    audit_retention_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 })),
    log_file: Type.Optional(Type.String()),
    log_level: Type.Optional(Type.Enum(logLevels)),
  },
  { additionalProperties: false },
);

export type ConfigFile = Static<typeof ConfigFile>;

/** Refuses what it does not know: a misspelt key would otherwise be a setting that silently is not there. */
export function readConfigFile(file: string): ConfigFile {
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8')) ?? {};
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}`);
  }
  const problems = Errors(ConfigFile, content).map(({ keyword, instancePath, params, message }) => {
    if (keyword === 'additionalProperties') {
      const { additionalProperties } = params as { additionalProperties: readonly string[] };
      return `unknown key ${additionalProperties.join(', ')} (known: ${Object.keys(ConfigFile.properties).join(', ')})`;
    }
    return `${instancePath.slice(1).replaceAll('/', '.') || 'the file'} ${message}`;
  });
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${file}: ${problem}`).join('\n'));
  return content as ConfigFile;
}
