import type {
  ClusterTemplate,
  ClusterTemplateAnswer,
  ClusterTemplateCreate,
  ClusterTemplateList,
  ClusterTemplateUpdate,
  ListQuery,
} from '@wadi/api';
import { allPages } from './all-pages.ts';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/cluster-templates`: which node groups make a cluster. */
export class ClusterTemplates {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** In one answer: all of them, unless `query.limit` says how many. */
  async list(query: ListQuery = {}, options: CallOptions = {}): Promise<ClusterTemplate[]> {
    return (await this.#list(query, options)).cluster_templates;
  }

  /** One after the other, fetched `query.limit` (default 100) at a time: as many as there are. */
  all(query: ListQuery = {}, options: CallOptions = {}): AsyncGenerator<ClusterTemplate, void, void> {
    return allPages(query, options, async (...page) => {
      const { cluster_templates: items, markers } = await this.#list(...page);
      return { items, next: markers?.next ?? null };
    });
  }

  #list(query: ListQuery, options: CallOptions) {
    const call = { ...options, query: { ...query } };
    return this.#transport.json<ClusterTemplateList>('GET', '/v2/cluster-templates', call);
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
