import type { ColumnType } from 'kysely';
import type { Changed } from './columns.ts';

/** One row: the keys of the endpoint for agents, the same for all controllers. */
export interface AgentEndpointTable {
  /** Always true. */
  id: boolean;
  /** Secret with both private keys: the endpoint's own, and that of controllers towards each other. */
  secret_id: string;
  /** Public halves, as OpenSSH has them. */
  host_key: string;
  peer_key: string;
}

/** Enrolls one machine, once. */
export interface AgentTokenTable {
  /** SHA-256 of the token, hex. */
  hash: string;
  instance_id: string;
  expires_at: ColumnType<Date, Date | string, never>;
  used_at: Changed;
}

/** The key with which a machine dials in. */
export interface AgentKeyTable {
  instance_id: string;
  /** As OpenSSH has it, without a comment. */
  public_key: string;
  enrolled_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

/** Which controller holds the connection of a machine that has dialled in. */
export interface AgentTunnelTable {
  instance_id: string;
  /** Of the connection: an end that comes late must not end the next one. */
  connection_id: string;
  controller_id: string;
  /** `HOST:PORT` where other controllers find that one. */
  endpoint: string;
  /** Address of the machine. */
  source: string;
  since: ColumnType<Date, Date | string | undefined, Date | string>;
}
