import type { RunTargetError } from '@wadi/api';
import { type Kysely, sql } from 'kysely';
import type { Claim } from './runs.ts';
import type { Schema } from './schema.ts';

const error: RunTargetError = {
  code: 'FORBIDDEN',
  hop: null,
  phase: null,
  message: 'Who asked for it may not do it any more; nothing ran here',
  hint: 'its token was revoked, or its project does not let members be root any more',
  retryable: false,
};

/**
 * Cancels those of the targets that wait for who may not do it any more. On many machines a run begins over hours: long
 * after a token was revoked, it must not begin anywhere else. Returns the cancelled.
 */
export async function cancelForbidden(
  tx: Kysely<Schema>,
  claims: readonly Claim[],
): Promise<{ run_id: string; instance_id: string }[]> {
  const runs = claims.map(({ runId }) => runId);
  const instances = claims.map(({ instanceId }) => instanceId);
  // Keystone's tokens have ids that are no UUIDs, and nothing here tells of their end.
  const { rows } = await sql<{ run_id: string; instance_id: string }>`
    update run_target set status = 'cancelled', finished_at = now(), error = ${JSON.stringify(error)}::jsonb
    from unnest(${runs}::uuid[], ${instances}::uuid[]) as v (run_id, instance_id)
    join run on run.id = v.run_id
    join project on project.id = run.project_id
    left join instance on instance.id = v.instance_id
    left join api_token on api_token.id = case
      when run.asked_by ->> 'token_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      then (run.asked_by ->> 'token_id')::uuid end
    where run_target.run_id = v.run_id and run_target.instance_id = v.instance_id
      and run_target.status = 'pending'
      and (api_token.revoked_at is not null
        or ((run.as_root or instance.login_user = 'root') and run.asked_by ->> 'role' = 'member' and not project.member_root))
    returning run_target.run_id, run_target.instance_id`.execute(tx);
  return rows;
}
