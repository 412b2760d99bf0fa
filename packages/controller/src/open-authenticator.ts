import type { Logger } from 'pino';
import { noTokens } from './auth/no-tokens.ts';
import { ownTokens } from './auth/own-tokens.ts';
import type { Authenticator } from './auth/principal.ts';
import { type Config, ConfigError } from './config.ts';
import type { Shutdown } from './shutdown.ts';
import type { Database } from './storage/database.ts';
import type { Member } from './storage/delegations.ts';

interface Parts {
  readonly config: Config;
  readonly db: Database;
  readonly log: Logger;
  readonly shutdown: Shutdown;
  /** Learns of every member of a project who comes with a token of Keystone. */
  readonly onMember?: (member: Member) => Promise<void>;
  /** The project of everybody where there are no tokens. */
  readonly defaultProject: string;
}

/** Who is let in, as the operator decided. */
export async function openAuthenticator(parts: Parts): Promise<Authenticator> {
  const { config, db, log, shutdown, defaultProject } = parts;
  if (config.auth === 'none') {
    await refuseRealMachines(db);
    log.warn('no tokens: everybody on this computer is an admin');
    return noTokens(defaultProject);
  }
  if (config.keystone === null) return ownTokens(db, log);
  // Most installations have no use for them.
  const { KeystoneClient } = await import('./auth/keystone-client.ts');
  const { keystoneTokens } = await import('./auth/keystone-tokens.ts');
  const { readKeystoneCredential } = await import('./auth/keystone-credential.ts');
  const { url, credentialFile, caFile, operatorsProject } = config.keystone;
  try {
    const client = new KeystoneClient({ url, credential: readKeystoneCredential(credentialFile), caFile });
    shutdown.add('keystone', 1000, () => client.close());
    return keystoneTokens(client, db, url, { operatorsProject, onMember: parts.onMember });
  } catch (error) {
    throw new ConfigError(`Keystone: ${(error as Error).message}`);
  }
}

/** A data directory that was used with tokens may hold the keys of real machines. */
async function refuseRealMachines(db: Database): Promise<void> {
  const real = await db
    .selectFrom('cluster')
    .select('name')
    .where('cloud', '!=', 'sandbox')
    .executeTakeFirst();
  if (real)
    throw new ConfigError(
      `--no-auth is for the sandbox alone, and this data directory has the cluster ${real.name}, which is outside of it`,
    );
}
