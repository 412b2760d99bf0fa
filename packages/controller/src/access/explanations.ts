import type { ClusterExplanation, InstanceExplanation, InstanceVerdict } from '@wadi/api';
import type { ExplainOptions } from '@wadi/indirect-access';
import type { ClusterRow } from '../storage/clusters.ts';
import type { Database } from '../storage/database.ts';
import { type Finding, listVerdicts } from '../storage/instance-verdicts.ts';
import type { ClusterAccess } from './cluster-access.ts';
import type { InstanceFacts } from './cluster-facts.ts';
import { clusterProblems } from './cluster-problems.ts';
import { explainInstance, type Looking } from './explain-instance.ts';
import { Limiter } from './limiter.ts';

/** Machines that are looked at at once, and requests that look. */
const mostMachines = 128;
const mostRequests = 8;
/** Milliseconds for all machines of a cluster, and for one. */
const limits = { cluster: 120_000, instance: 60_000 };

export interface ExplainRequest {
  readonly cluster: ClusterRow;
  /** Milliseconds; absent: as the steps come. */
  readonly stepDeadline: number | undefined;
  readonly signal: AbortSignal;
  powerOf: Looking['powerOf'];
}

/** Looks at machines, and remembers what was found. */
export class Explanations {
  readonly #db: Database;
  readonly #access: ClusterAccess;
  readonly #requests = new Limiter(mostRequests);

  constructor(db: Database, access: ClusterAccess) {
    this.#db = db;
    this.#access = access;
  }

  async instance(request: ExplainRequest, instance: InstanceFacts): Promise<InstanceExplanation> {
    return this.#look(request, limits.instance, async (looking) => {
      const { finding, routes } = await explainInstance(looking, instance);
      const [verdict] = await this.#record(request.cluster, [instance], [finding]);
      return { verdict: verdict as InstanceVerdict, routes: [...routes] };
    });
  }

  async cluster(request: ExplainRequest): Promise<ClusterExplanation> {
    return this.#look(request, limits.cluster, async (looking) => {
      const { instances } = looking.reach.facts;
      const machines = new Limiter(mostMachines);
      const look = (one: InstanceFacts) =>
        machines.run(async () => {
          const { finding } = await explainInstance(looking, one);
          // Of those that there was no time for stays what was found before.
          return looking.explainer.isLate && finding.code === 'TIMEOUT' ? [] : [finding];
        });
      const findings = (await Promise.all(instances.map(look))).flat();
      return explanation(await this.#record(request.cluster, instances, findings));
    });
  }

  /** What was found when somebody last looked; dials nothing. */
  async last(cluster: ClusterRow): Promise<ClusterExplanation> {
    const { facts } = await this.#access.reach(cluster);
    return explanation(await this.#verdicts(cluster, facts.instances));
  }

  async #look<T>(
    { cluster, stepDeadline: step, powerOf, signal }: ExplainRequest,
    limit: number,
    work: (looking: Looking) => Promise<T>,
  ): Promise<T> {
    return this.#requests.run(async () => {
      signal.throwIfAborted();
      const reach = await this.#access.reach(cluster);
      const explainer = reach.indirect.explainer({ limit, ...(step ? { deadlines: ofSteps(step) } : {}) });
      const trustFirstContact = cluster.access.trust_first_contact === true;
      try {
        return await work({ reach, explainer, powerOf, trustFirstContact, signal });
      } finally {
        await explainer.close();
      }
    });
  }

  async #record(
    cluster: ClusterRow,
    instances: readonly InstanceFacts[],
    findings: readonly Finding[],
  ): Promise<InstanceVerdict[]> {
    const names = new Map(instances.map(({ id, name }) => [id, name]));
    const found = findings.map((finding) => ({ finding, name: names.get(finding.instance_id) ?? '' }));
    await this.#access.verdicts.note({ projectId: cluster.project_id, clusterId: cluster.id }, found);
    return this.#verdicts(cluster, instances);
  }

  async #verdicts(cluster: ClusterRow, instances: readonly InstanceFacts[]): Promise<InstanceVerdict[]> {
    const rows = new Map((await listVerdicts(this.#db, cluster.id)).map((row) => [row.instance_id, row]));
    return instances.map((instance): InstanceVerdict => {
      const { since, looked_at, ...found } = rows.get(instance.id) ?? unseen(instance);
      return {
        ...found,
        instance_name: instance.name,
        is_proxy: instance.isProxy,
        since: since?.toISOString() ?? null,
        looked_at: looked_at?.toISOString() ?? null,
      };
    });
  }
}

function explanation(verdicts: InstanceVerdict[]): ClusterExplanation {
  return { problems: clusterProblems(verdicts), verdicts };
}

function unseen({ id, name }: InstanceFacts) {
  return {
    instance_id: id,
    reachable: null,
    ...{ code: null, reason: null, hop: null, phase: null, hint: null, route: null },
    message: `nobody has looked at ${name} yet`,
    since: null,
    looked_at: null,
  };
}

function ofSteps(step: number): NonNullable<ExplainOptions['deadlines']> {
  return {
    resolve: step,
    dial: step,
    banner: step,
    keyExchange: step,
    authentication: step,
    channel: step,
    start: step,
    prime: step,
  };
}
