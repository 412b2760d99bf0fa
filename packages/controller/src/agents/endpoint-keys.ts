import { generateManagementKey } from '../access/management-key.ts';
import { findAgentEndpoint, insertAgentEndpoint } from '../storage/agents.ts';
import type { Database } from '../storage/database.ts';
import type { Secrets } from '../storage/secrets.ts';

/** Of the endpoint that machines dial: the same on all controllers, so that a machine may find any of them. */
export interface EndpointKeys {
  /** Private, in OpenSSH's format. */
  readonly host: string;
  /** Private: by which controllers know each other. */
  readonly peer: string;
  /** Public, `type base64`. */
  readonly publicHost: string;
  readonly publicPeer: string;
}

const purpose = 'agent-endpoint-keys';

export async function findOrCreateEndpointKeys(db: Database, secrets: Secrets): Promise<EndpointKeys> {
  for (;;) {
    const row = await findAgentEndpoint(db);
    if (row) {
      const { host, peer } = JSON.parse((await secrets.get(row.secret_id)).toString('utf8'));
      return { host, peer, publicHost: row.host_key, publicPeer: row.peer_key };
    }
    const [host, peer] = [generateManagementKey('wadi agents'), generateManagementKey('wadi controllers')];
    await db.transaction().execute(async (tx) => {
      const kept = JSON.stringify({ host: host.privateKey, peer: peer.privateKey });
      const secret_id = await secrets.put(purpose, null, kept, tx);
      const keys = { host_key: bare(host.publicKey), peer_key: bare(peer.publicKey) };
      if (!(await insertAgentEndpoint(tx, { secret_id, ...keys }))) await secrets.delete(secret_id, tx);
    });
  }
}

/** Without the comment. */
function bare(publicKey: string): string {
  return publicKey.split(' ').slice(0, 2).join(' ');
}
