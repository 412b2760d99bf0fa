import {
  type DoctorAnswer,
  type Leftover as LeftoverBody,
  type LeftoverReference,
  LeftoverRemoval,
  type LeftoverRemovalAnswer,
} from '@wadi/api';
import { findLeftovers, type Leftover } from '../../provisioning/doctor/find-leftovers.ts';
import { removeLeftovers } from '../../provisioning/doctor/remove-leftovers.ts';
import { appendAudit } from '../../storage/audit.ts';
import { type DelegationRow, troubledDelegations } from '../../storage/delegations.ts';
import type { Resource } from '../context.ts';
import { doctorOperations } from './admin-operations.ts';
import { askedBy } from './asked-by.ts';
import { bodyOf } from './check-body.ts';
import { limitedTo } from './whole-installation.ts';

/** Milliseconds before its end from which on a delegation is told of. */
const soon = 3 * 86_400_000;

/** What is wrong that nobody would notice. */
export const doctor: Resource = (app, { db, clouds }) => {
  app.get('/v2/doctor', doctorOperations.examine, async (request): Promise<DoctorAnswer> => {
    const only = limitedTo(request.principal);
    const { found, blindSpots } = await findLeftovers(db, clouds, only);
    const delegations = await troubledDelegations(db, new Date(Date.now() + soon), only);
    return {
      doctor: {
        leftovers: found.map(viewOf),
        delegations: delegations.map(viewOfDelegation),
        unseen: blindSpots.map(({ cloud, projectId, message }) => ({
          cloud,
          project_id: projectId,
          message,
        })),
      },
    };
  });

  app.post('/v2/doctor/remove', doctorOperations.remove, async (request): Promise<LeftoverRemovalAnswer> => {
    const wanted = bodyOf(LeftoverRemoval, request).leftovers;
    const { projectId } = request.principal;
    const about = { access: 'admin', action: 'doctor.remove', ...askedBy(request), leftovers: wanted };
    await appendAudit(db, [{ projectId, about }]);
    const { found } = await findLeftovers(db, clouds, limitedTo(request.principal));
    const known = new Map(found.map((each) => [keyOf(referenceTo(each)), each]));
    const chosen = [...new Set(wanted.flatMap((each) => known.get(keyOf(each)) ?? []))];
    const removals = await removeLeftovers(db, clouds, chosen);
    const strangers = wanted.filter((each) => !known.has(keyOf(each)));
    return {
      removed: removals.flatMap(({ leftover, keptBecause }) =>
        keptBecause === null ? referenceTo(leftover) : [],
      ),
      kept: [
        ...removals.flatMap(({ leftover, keptBecause: reason }) =>
          reason === null ? [] : { ...referenceTo(leftover), reason },
        ),
        ...strangers.map((each) => ({ ...each, reason: 'it is gone, or is no leftover of a cluster' })),
      ],
    };
  });
};

function referenceTo({ cloud, projectId, kind, id }: Leftover): LeftoverReference {
  return { cloud, project_id: projectId, kind, id };
}

function keyOf({ cloud, project_id, kind, id }: LeftoverReference): string {
  return JSON.stringify([cloud, project_id, kind, id]);
}

function viewOf(leftover: Leftover): LeftoverBody {
  return {
    ...referenceTo(leftover),
    name: leftover.name,
    cluster_id: leftover.clusterId,
    installation_id: leftover.installationId,
    created_at: leftover.createdAt?.toISOString() ?? null,
    kept_because: leftover.keptBecause,
  };
}

function viewOfDelegation({ project_id, user_id, user_name, expires_at, dead_since }: DelegationRow) {
  return {
    ...{ project_id, user_id, user_name },
    expires_at: expires_at.toISOString(),
    dead_since: dead_since?.toISOString() ?? null,
  };
}
