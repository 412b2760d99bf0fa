import { type Adoption, type AdoptionAnswer, type AdoptionList, AdoptionRequest, ApiError } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { Kysely } from 'kysely';
import type { AccessPolicy } from '../../access/access-settings.ts';
import { adoptedCloud } from '../../clusters/adopted.ts';
import type { ClusterProvisioning } from '../../clusters/cluster-provisioning.ts';
import { dashed } from '../../clusters/node-group.ts';
import {
  type AdoptionState,
  adoptionStates,
  beginAdoptionAgain,
  pinHostKeys,
} from '../../storage/adoptions.ts';
import { appendAudit } from '../../storage/audit.ts';
import { findCluster, updateCluster } from '../../storage/clusters.ts';
import { brokenConstraint } from '../../storage/constraint.ts';
import { rotatingMachines, unfinishedRotations } from '../../storage/key-rotations.ts';
import { findProject } from '../../storage/projects.ts';
import type { Schema } from '../../storage/schema.ts';
import type { HttpContext, Resource } from '../context.ts';
import { adoptionOperations } from './admin-operations.ts';
import { askedBy } from './asked-by.ts';
import { checkAccess } from './check-access.ts';
import { bodyOf } from './check-body.ts';
import { bodyLimit, mostValues } from './import.ts';
import { isUuid } from './own-cluster.ts';
import { type PlannedAdoption, planAdoption } from './plan-adoption.ts';
import { accessOf, storeAdoption } from './store-adoption.ts';
import { requireWholeInstallation } from './whole-installation.ts';

export interface AdoptionParts {
  readonly provisioning: ClusterProvisioning;
  readonly policy: AccessPolicy;
}

/** Clusters that Sahara made. They belong to any project, so only the operators of all take them over. */
export function adoptions({ provisioning, policy }: AdoptionParts): Resource {
  return (app, context) => {
    const { db } = context;

    app.get('/v2/adoptions', adoptionOperations.list, async (request): Promise<AdoptionList> => {
      requireWholeInstallation(request.principal, 'see adoptions');
      const states = await adoptionStates(db);
      return { adoptions: await Promise.all(states.map((state) => view(db, state))) };
    });

    app.get<{ Params: { cluster: string } }>(
      '/v2/adoptions/:cluster',
      adoptionOperations.get,
      async (request): Promise<AdoptionAnswer> => {
        requireWholeInstallation(request.principal, 'see adoptions');
        return await show(db, request.params.cluster);
      },
    );

    const { config } = adoptionOperations.create;
    app.post(
      '/v2/adoptions',
      { bodyLimit, config: { ...config, mostValues } },
      async (request, reply): Promise<AdoptionAnswer> => {
        requireWholeInstallation(request.principal, 'adopt clusters');
        if (!context.clouds.has(adoptedCloud))
          throw new ApiError(
            400,
            'INVALID_REFERENCE',
            'This controller takes no machines that exist already',
          );
        const body = withDashes(bodyOf(AdoptionRequest, request));
        const planned = planAdoption(body, policy);
        checkWay(body, planned, policy);
        if (!(await findProject(db, body.project_id)))
          throw new ApiError(400, 'INVALID_REFERENCE', `There is no project '${body.project_id}' here`, {
            hint: `make it (wadi project create ${body.project_id}), or adopt the cluster into another one`,
            fields: [['project_id']],
          });
        const leftOut = await db
          .transaction()
          .execute((tx) => begin(tx, context, request, body, planned))
          .catch((error) => {
            if (brokenConstraint(error) !== 'unique') throw error;
            throw new ApiError(409, 'CONFLICT', `Cluster '${body.name}', or a part of it, is there already`, {
              hint: 'somebody else adopts it at this moment, or another cluster has the same ids',
            });
          });
        await provisioning.createCluster(body.id);
        reply.code(202);
        const answer = await show(db, body.id);
        return leftOut.length > 0 ? { ...answer, left_out: [...leftOut] } : answer;
      },
    );
  };
}

/** A new adoption, or another attempt at one that failed. */
async function begin(
  tx: Kysely<Schema>,
  { secrets, events }: HttpContext,
  request: FastifyRequest,
  body: AdoptionRequest,
  planned: PlannedAdoption,
): Promise<readonly string[]> {
  const present = await findCluster(tx, body.id);
  if (present) await beginAgain(tx, body, planned, present);
  const leftOut = present ? [] : await storeAdoption(tx, secrets, body, planned);
  const owner = { projectId: body.project_id, clusterId: body.id };
  const told = { cluster: body.name, status: 'Validating' };
  await events.append({ ...owner, type: 'cluster.status', body: told }, tx);
  const about = {
    access: 'admin',
    action: 'cluster.adopt',
    ...askedBy(request),
    cluster: body.name,
    cluster_id: body.id,
  };
  await appendAudit(tx, [{ projectId: body.project_id, about }]);
  return leftOut;
}

/** Machines and keys are as they were; what was in the way may have gone. */
async function beginAgain(
  tx: Kysely<Schema>,
  body: AdoptionRequest,
  { groups }: PlannedAdoption,
  { project_id, name, cloud, status }: { project_id: string; name: string; cloud: string; status: string },
): Promise<void> {
  const conflict = (text: string) => new ApiError(409, 'CONFLICT', text);
  if (cloud !== adoptedCloud || project_id !== body.project_id)
    throw conflict(`There is another cluster with the id ${body.id}, '${name}' of project '${project_id}'`);
  if (!(await beginAdoptionAgain(tx, body.id)))
    throw conflict(`Cluster '${name}' is adopted already; it is ${status}`);
  await updateCluster(tx, body.id, { access: accessOf(body) });
  for (const { id, hostKeys } of groups.flatMap(({ machines }) => machines))
    if (hostKeys.length > 0) await pinHostKeys(tx, id, hostKeys, 'given');
}

function checkWay(
  { project_id, access = {} }: AdoptionRequest,
  planned: PlannedAdoption,
  policy: AccessPolicy,
) {
  const machines = planned.groups.flatMap(({ group, machines: own }) =>
    own.map(({ floatingIp }) => ({ isProxy: group.is_proxy, floatingIp })),
  );
  checkAccess({ cloud: adoptedCloud, project_id, access }, policy, machines, 'access');
}

/** Ids are compared as they are stored. */
function withDashes(body: AdoptionRequest): AdoptionRequest {
  return {
    ...body,
    id: dashed(body.id),
    node_groups: body.node_groups.map((group) => ({
      ...group,
      id: dashed(group.id),
      node_group_template_id: dashedOrNull(group.node_group_template_id),
      instances: group.instances.map((one) => ({ ...one, id: dashed(one.id) })),
    })),
    node_group_templates: body.node_group_templates.map((one) => ({ ...one, id: dashed(one.id) })),
    cluster_template: body.cluster_template && {
      ...body.cluster_template,
      id: dashed(body.cluster_template.id),
      node_groups: body.cluster_template.node_groups.map((group) => ({
        ...group,
        id: dashed(group.id),
        node_group_template_id: dashedOrNull(group.node_group_template_id),
      })),
    },
  };
}

function dashedOrNull(id: string | null): string | null {
  return id === null ? null : dashed(id);
}

async function show(db: Kysely<Schema>, clusterId: string): Promise<AdoptionAnswer> {
  const [state] = isUuid(clusterId) ? await adoptionStates(db, clusterId) : [];
  if (!state) throw new ApiError(404, 'NOT_FOUND', `No cluster with the id ${clusterId} was adopted`);
  return { adoption: await view(db, state) };
}

async function view(db: Kysely<Schema>, state: AdoptionState): Promise<Adoption> {
  const { cloud = 0, given = 0, 'first-contact': first = 0, unknown = 0 } = state.pinned;
  const rotations = await unfinishedRotations(db, state.cluster_id);
  const rotation = rotations.find(({ kind }) => kind === 'management');
  // One whose next pass begins later has told what is in the way.
  const waits = rotation !== undefined && rotation.due_at.getTime() > Date.now();
  const machines = waits ? await rotatingMachines(db, rotation.id) : [];
  return {
    cluster_id: state.cluster_id,
    name: state.name,
    project_id: state.project_id,
    status: state.status as Adoption['status'],
    status_description: state.status_description,
    machines: state.machines,
    host_keys: { cloud, given, 'first-contact': first, unknown },
    key: rotation ? 'replacing' : state.management_public_key === state.sahara_public_key ? 'sahara' : 'own',
    key_problems: machines
      .filter((machine) => machine.state !== 'done')
      .map(({ instance_name: name, problem }) => `${name}: ${problem?.message ?? 'it was not tried yet'}`),
    heat_stack: state.heat_stack,
  };
}
