import type { ConnectionOptions } from 'node:tls';
import type { Dispatcher } from 'undici';
import { AccessError } from './errors.ts';
import type { Route } from './route.ts';
import type { Sessions } from './session.ts';

export interface DispatcherOptions {
  readonly tls?: ConnectionOptions;
}

export function httpDispatcher(
  _sessions: Sessions,
  _route: Route,
  _options: DispatcherOptions = {},
): Dispatcher {
  throw new AccessError('HTTP: not there yet', { code: 'CHANNEL_REFUSED' });
}
