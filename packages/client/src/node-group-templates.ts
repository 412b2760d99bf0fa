import type {
  ListQuery,
  NodeGroupTemplate,
  NodeGroupTemplateAnswer,
  NodeGroupTemplateCreate,
  NodeGroupTemplateList,
  NodeGroupTemplateUpdate,
} from '@wadi/api';
import { allPages } from './all-pages.ts';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/node-group-templates`. `is_proxy` and `is_proxy_gateway` are the same field. */
export class NodeGroupTemplates {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** In one answer: all of them, unless `query.limit` says how many. */
  async list(query: ListQuery = {}, options: CallOptions = {}): Promise<NodeGroupTemplate[]> {
    return (await this.#list(query, options)).node_group_templates;
  }

  /** One after the other, fetched `query.limit` (default 100) at a time: as many as there are. */
  all(query: ListQuery = {}, options: CallOptions = {}): AsyncGenerator<NodeGroupTemplate, void, void> {
    return allPages(query, options, async (...page) => {
      const { node_group_templates: items, markers } = await this.#list(...page);
      return { items, next: markers?.next ?? null };
    });
  }

  #list(query: ListQuery, options: CallOptions) {
    const call = { ...options, query: { ...query } };
    return this.#transport.json<NodeGroupTemplateList>('GET', '/v2/node-group-templates', call);
  }

  async get(id: string, options: CallOptions = {}): Promise<NodeGroupTemplate> {
    return (await this.#transport.json<NodeGroupTemplateAnswer>('GET', path(id), options))
      .node_group_template;
  }

  async create(template: NodeGroupTemplateCreate, options: CallOptions = {}): Promise<NodeGroupTemplate> {
    const call = { ...options, body: template };
    return (await this.#transport.json<NodeGroupTemplateAnswer>('POST', '/v2/node-group-templates', call))
      .node_group_template;
  }

  async update(id: string, changes: NodeGroupTemplateUpdate, options: CallOptions = {}) {
    const call = { ...options, body: changes };
    return (await this.#transport.json<NodeGroupTemplateAnswer>('PATCH', path(id), call)).node_group_template;
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.nothing('DELETE', path(id), options);
  }
}

function path(id: string): string {
  return `/v2/node-group-templates/${encodeURIComponent(id)}`;
}
