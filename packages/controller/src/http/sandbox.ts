import { ApiError, SandboxMachineAnswer, SandboxMachineList } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { Machine } from '../clouds/sandbox/machine.ts';
import { SandboxCloud } from '../clouds/sandbox/sandbox-cloud.ts';
import type { HttpContext, Resource } from './context.ts';
import { documented } from './openapi/operation.ts';

const params = { machine: 'Instance id of the machine, or its name where only one has it.' };
const operations = {
  list: documented({
    name: 'listSandboxMachines',
    summary: 'Machines of the sandbox, and what they count.',
    answers: { 200: SandboxMachineList },
  }),
  stop: documented({
    name: 'stopSandboxMachine',
    summary: 'Pulls the plug of a machine.',
    params,
    answers: { 202: SandboxMachineAnswer },
  }),
  start: documented({
    name: 'startSandboxMachine',
    summary: 'Switches a machine on again.',
    params,
    answers: { 202: SandboxMachineAnswer },
  }),
};

interface Named {
  readonly Params: { readonly machine: string };
}

/** The sandbox's own side: what its machines count, and their power switch. Only there with `--sandbox`. */
export const sandbox: Resource = (app, context) => {
  const cloud = context.clouds.get('sandbox');
  if (!(cloud instanceof SandboxCloud)) return;

  app.get('/v2/sandbox/machines', operations.list, async (request) => {
    const own = await ownClusters(context, request);
    return { machines: (await cloud.list()).filter((machine) => own.has(machine.cluster_id)) };
  });

  app.post<Named>('/v2/sandbox/machines/:machine/stop', operations.stop, async (request, reply) => {
    const { record } = await find(cloud, context, request);
    return reply.code(202).send({ machine: await cloud.stopMachine(record.instanceId) });
  });

  app.post<Named>('/v2/sandbox/machines/:machine/start', operations.start, async (request, reply) => {
    const { record } = await find(cloud, context, request);
    return reply.code(202).send({ machine: await cloud.startMachine(record.instanceId) });
  });
};

async function find(
  cloud: SandboxCloud,
  context: HttpContext,
  request: FastifyRequest<Named>,
): Promise<Machine> {
  const own = await ownClusters(context, request);
  const machine = cloud.find(request.params.machine, own);
  if (machine) return machine;
  throw new ApiError(404, 'NOT_FOUND', `The sandbox has no machine '${request.params.machine}'`, {
    hint: 'name it by its instance id, or by its name where only one machine has it',
  });
}

/** Ids of the clusters of the project that asks; another's machines do not exist for it. */
async function ownClusters(
  { db }: HttpContext,
  request: Pick<FastifyRequest, 'principal'>,
): Promise<Set<string>> {
  const { projectId } = request.principal;
  const rows = await db.selectFrom('cluster').select('id').where('project_id', '=', projectId).execute();
  return new Set(rows.map(({ id }) => id));
}
