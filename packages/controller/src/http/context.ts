import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Principal } from '../auth/principal.ts';
import type { Cloud } from '../clouds/cloud.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Engine } from '../provisioning/engine/engine.ts';
import type { Database } from '../storage/database.ts';
import type { Notifications } from '../storage/notifications.ts';
import type { Secrets } from '../storage/secrets.ts';
import type { Drain } from './drain.ts';

/** What the handlers of every resource are given; made by main.ts. */
export interface HttpContext {
  readonly db: Database;
  readonly secrets: Secrets;
  readonly events: EventLog;
  /** Wakes those who wait for rows, across controllers. */
  readonly notifications: Notifications;
  readonly engine: Engine;
  /** By name: `sandbox`, `inventory`. */
  readonly clouds: ReadonlyMap<string, Cloud>;
  readonly log: Logger;
  /** Aborted when the controller stops: requests that wait (`?wait=`) answer at once then. */
  readonly stopping: AbortSignal;
  /** Begins before the controller stops. */
  readonly drain: Drain;
}

/** One resource: adds its routes to a scope of its own, so that its hooks and body parsers concern nobody else. */
export type Resource = (app: FastifyInstance, context: HttpContext) => void | Promise<void>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that is not public. */
    principal: Principal;
  }
  interface FastifyContextConfig {
    /** Answered without a token. */
    public?: boolean;
    /** The handler reads the body itself; an absent body stays undefined instead of becoming `{}`. */
    rawBody?: boolean;
    /** Most values (members and elements, at any depth) in the body. */
    mostValues?: number;
  }
}
