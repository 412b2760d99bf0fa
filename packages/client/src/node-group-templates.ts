import type {
  ListQuery,
  NodeGroupTemplate,
  NodeGroupTemplateAnswer,
  NodeGroupTemplateCreate,
  NodeGroupTemplateList,
  NodeGroupTemplateUpdate,
} from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/node-group-templates`. `is_proxy` and `is_proxy_gateway` are the same field. */
export class NodeGroupTemplates {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(query: ListQuery = {}, options: CallOptions = {}): Promise<NodeGroupTemplate[]> {
    const call = { ...options, query: { ...query } };
    const answer = await this.#transport.json<NodeGroupTemplateList>('GET', '/v2/node-group-templates', call);
    return answer.node_group_templates;
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
