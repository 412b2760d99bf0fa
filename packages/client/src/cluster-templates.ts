import type {
  ClusterTemplate,
  ClusterTemplateAnswer,
  ClusterTemplateCreate,
  ClusterTemplateList,
  ClusterTemplateUpdate,
  ListQuery,
} from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/cluster-templates`: which node groups make a cluster. */
export class ClusterTemplates {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(query: ListQuery = {}, options: CallOptions = {}): Promise<ClusterTemplate[]> {
    const call = { ...options, query: { ...query } };
    const answer = await this.#transport.json<ClusterTemplateList>('GET', '/v2/cluster-templates', call);
    return answer.cluster_templates;
  }

  async get(id: string, options: CallOptions = {}): Promise<ClusterTemplate> {
    return (await this.#transport.json<ClusterTemplateAnswer>('GET', path(id), options)).cluster_template;
  }

  async create(template: ClusterTemplateCreate, options: CallOptions = {}): Promise<ClusterTemplate> {
    const call = { ...options, body: template };
    return (await this.#transport.json<ClusterTemplateAnswer>('POST', '/v2/cluster-templates', call))
      .cluster_template;
  }

  async update(id: string, changes: ClusterTemplateUpdate, options: CallOptions = {}) {
    const call = { ...options, body: changes };
    return (await this.#transport.json<ClusterTemplateAnswer>('PATCH', path(id), call)).cluster_template;
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.nothing('DELETE', path(id), options);
  }
}

function path(id: string): string {
  return `/v2/cluster-templates/${encodeURIComponent(id)}`;
}
