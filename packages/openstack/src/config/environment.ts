import type { Place } from './config-problem.ts';
import type { Mapping } from './read-yaml.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Keys of a cloud in clouds.yaml that are not below `auth`; every other variable is. */
const plain: Readonly<Record<string, string>> = {
  OS_AUTH_TYPE: 'auth_type',
  OS_REGION_NAME: 'region_name',
  OS_INTERFACE: 'interface',
  OS_ENDPOINT_TYPE: 'endpoint_type',
  OS_CACERT: 'cacert',
  OS_CERT: 'cert',
  OS_KEY: 'key',
  OS_IDENTITY_API_VERSION: 'identity_api_version',
};

const below = [
  'AUTH_URL',
  'USERNAME',
  'USER_ID',
  'USER_DOMAIN_NAME',
  'USER_DOMAIN_ID',
  'PASSWORD',
  'PROJECT_NAME',
  'PROJECT_ID',
  'PROJECT_DOMAIN_NAME',
  'PROJECT_DOMAIN_ID',
  'TENANT_NAME',
  'TENANT_ID',
  'DOMAIN_NAME',
  'DOMAIN_ID',
  'DEFAULT_DOMAIN',
  'SYSTEM_SCOPE',
  'TOKEN',
  'TRUST_ID',
  'APPLICATION_CREDENTIAL_ID',
  'APPLICATION_CREDENTIAL_NAME',
  'APPLICATION_CREDENTIAL_SECRET',
];

/** What OS_… variables say, in the shape of a cloud in clouds.yaml. Null: there is no OS_AUTH_URL. */
export function cloudOfEnvironment(environment: Environment): Mapping | null {
  if (!environment.OS_AUTH_URL) return null;
  const auth: Record<string, string> = {};
  for (const name of below) {
    const value = environment[`OS_${name}`];
    if (value) auth[name.toLowerCase()] = value;
  }
  const cloud: Record<string, unknown> = { auth };
  for (const [variable, key] of Object.entries(plain))
    if (environment[variable]) cloud[key] = environment[variable];
  for (const [variable, value] of Object.entries(environment)) {
    const service = /^OS_(.+)_ENDPOINT_OVERRIDE$/.exec(variable)?.[1];
    if (service && value) cloud[`${service.toLowerCase()}_endpoint_override`] = value;
  }
  if (isYes(environment.OS_INSECURE)) cloud.verify = false;
  return cloud;
}

export const environmentPlace: Place = {
  source: 'the environment',
  key: (name) => (name === 'verify' ? 'OS_INSECURE' : `OS_${name.replace(/^auth\./, '').toUpperCase()}`),
};

function isYes(value: string | undefined): boolean {
  return value !== undefined && /^(1|true|yes|on)$/i.test(value);
}
