import { createHash, randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';
import { storable } from './storable.ts';

export interface NewProvisionStep {
  readonly clusterId: string;
  /** The workflow it belongs to: together with name and type it makes the step's id, so a repeated begin finds it. */
  readonly workflowId: string;
  readonly name: string;
  /** e.g. `Engine: create cluster`. */
  readonly type: string;
  /** How many machines it concerns. */
  readonly total: number;
}

/** Begins a step, or finds it when the work was interrupted and runs again; then what was noted before goes. */
export async function beginStep(db: Kysely<Schema>, step: NewProvisionStep): Promise<string> {
  const id = stepId(step);
  await db
    .insertInto('provision_step')
    .values({
      id,
      cluster_id: step.clusterId,
      step_name: step.name,
      step_type: step.type,
      total: step.total,
      successful: null,
    })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ successful: null, total: step.total }))
    .execute();
  await db.deleteFrom('provision_event').where('step_id', '=', id).execute();
  return id;
}

function stepId({ workflowId, type, name }: NewProvisionStep): string {
  const hex = createHash('sha256').update(`${workflowId}\n${type}\n${name}`).digest('hex');
  // Version 8 (RFC 9562 section 5.8): bits of our own.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export interface NewProvisionEvent {
  readonly instance: { readonly id: string; readonly name: string; readonly nodeGroupId: string };
  readonly successful: boolean;
  readonly info: string | null;
}

export async function addStepEvents(
  db: Kysely<Schema>,
  step: string,
  events: readonly NewProvisionEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await db
    .insertInto('provision_event')
    .values(
      events.map(({ instance, successful, info }) => ({
        id: randomUUID(),
        step_id: step,
        node_group_id: instance.nodeGroupId,
        instance_id: instance.id,
        instance_name: instance.name,
        event_info: info === null ? null : storable(info),
        successful,
      })),
    )
    .execute();
}

/** As in Sahara, a step that ended well keeps no events: only failures have something to tell. */
export async function endStep(db: Kysely<Schema>, id: string, successful: boolean): Promise<void> {
  if (successful) await db.deleteFrom('provision_event').where('step_id', '=', id).execute();
  await db
    .updateTable('provision_step')
    .set({ successful, updated_at: new Date() })
    .where('id', '=', id)
    .execute();
}
