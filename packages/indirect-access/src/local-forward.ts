import { AccessError } from './errors.ts';
import type { Route } from './route.ts';
import type { Sessions, TunnelTarget } from './session.ts';

export interface ForwardOptions extends TunnelTarget {
  /** Default 127.0.0.1 and any free port. */
  readonly listen?: { readonly host?: string; readonly port?: number };
}

export interface LocalForward {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

export async function localForward(
  _sessions: Sessions,
  _route: Route,
  _options: ForwardOptions,
): Promise<LocalForward> {
  throw new AccessError('forward: not there yet', { code: 'CHANNEL_REFUSED' });
}
