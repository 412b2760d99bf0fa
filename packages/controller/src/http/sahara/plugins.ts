import { PluginLabelChanges, PluginUpdate, type PluginVersion, type Plugin as PluginView } from '@wadi/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Plugin, Plugins } from '../../clusters/plugin.ts';
import { type LabelChanges, mergeChanges, withLabels } from '../../clusters/plugin-labels.ts';
import type { Database } from '../../storage/database.ts';
import { changeLabels, labelChanges } from '../../storage/plugin-labels.ts';
import { checkQuery } from './list-query.ts';
import { pluginOperations } from './plugin-operations.ts';
import { readBody } from './read-body.ts';
import { invalidReference, notFound } from './refusals.ts';

interface ByName {
  Params: { name: string };
}
interface ByVersion {
  Params: { name: string; version: string };
}

/** The plugins with the labels that the project's admin gave them. */
export async function pluginsOf(db: Database, plugins: Plugins, projectId: string): Promise<Plugins> {
  return withLabels(plugins, await labelChanges(db, projectId));
}

export function pluginRoutes(app: FastifyInstance, db: Database, installed: Plugins): void {
  const own = (request: FastifyRequest) => pluginsOf(db, installed, request.principal.projectId);

  app.get('/v2/plugins', pluginOperations.list, async (request) => {
    checkQuery(request, 'plugins_list');
    return { plugins: [...(await own(request)).values()].map(viewPlugin) };
  });

  app.get<ByName>('/v2/plugins/:name', pluginOperations.get, async (request) => {
    const plugin = find(await own(request), request.params.name);
    checkQuery(request, 'plugins_get');
    return { plugin: viewPlugin(plugin) };
  });

  app.patch<ByName>('/v2/plugins/:name', pluginOperations.update, async (request, reply) => {
    const { principal, params } = request;
    const plugin = find(installed, params.name);
    const changes = readChanges(plugin, request);
    checkQuery(request, 'plugins_update');
    await changeLabels(db, principal.projectId, plugin.name, (before) => mergeChanges(before, changes));
    reply.code(202);
    const view = viewPlugin(find(await own(request), plugin.name));
    return { plugin: { ...view, project_id: principal.projectId } };
  });

  app.get<ByVersion>('/v2/plugins/:name/:version', pluginOperations.getVersion, async (request) => {
    const { name, version } = request.params;
    const plugin = (await own(request)).get(name);
    const release = plugin?.versions.get(version);
    if (!plugin || !release) throw notFound({ plugin_name: name, version });
    checkQuery(request, 'plugins_get_version');
    const view: PluginVersion = {
      ...viewPlugin(plugin),
      configs: [...release.configs],
      node_processes: Object.fromEntries(
        Object.entries(release.processes).map(([service, processes]) => [service, [...processes]]),
      ),
      required_image_tags: [...release.requiredImageTags],
    };
    return { plugin: view };
  });

  app.register(async (scope) => {
    // A file of any kind: it is refused unread.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, _text, done) => done(null, {}));
    scope.post<ByVersion>(
      '/v1.1/plugins/:name/:version/convert-config/:target',
      { config: { version1: true } },
      async (request) => {
        const { name, version } = request.params;
        if (!installed.get(name)?.versions.has(version)) throw notFound({ plugin_name: name, version });
        throw invalidReference(
          `Requested plugin '${name}' doesn't support converting config files to cluster templates`,
        );
      },
    );
  });
}

function find(plugins: Plugins, name: string): Plugin {
  const plugin = plugins.get(name);
  if (!plugin) throw notFound({ plugin_name: name });
  return plugin;
}

/** Only those that the plugin has: Sahara refuses a version that it has not as it does any field nobody knows. */
function readChanges(plugin: Plugin, request: FastifyRequest): LabelChanges {
  const { properties } = PluginUpdate;
  const versions = {
    type: 'object',
    properties: Object.fromEntries(
      [...plugin.versions.keys()].map((version) => [version, PluginLabelChanges]),
    ),
    additionalProperties: false,
  };
  const schema = { ...PluginUpdate, properties: { ...properties, version_labels: versions } };
  const body = readBody(PluginUpdate, request, schema);
  const check = (given: PluginLabelChanges = {}, known: Plugin['labels']) =>
    Object.fromEntries(
      Object.entries(given).map(([name, { status }]) => {
        if (!known[name])
          throw invalidReference(
            `Label '${name}' can't be updated because it's not available for plugin or its version`,
          );
        if (!known[name].mutable)
          throw invalidReference(`Label '${name}' can't be updated because it's not mutable`);
        return [name, status];
      }),
    );
  return {
    plugin: check(body.plugin_labels, plugin.labels),
    versions: Object.fromEntries(
      Object.entries(body.version_labels ?? {}).map(([version, given]) => [
        version,
        check(given, plugin.versions.get(version)?.labels ?? {}),
      ]),
    ),
  };
}

function viewPlugin(plugin: Plugin): PluginView {
  return {
    name: plugin.name,
    title: plugin.title,
    description: plugin.description,
    versions: [...plugin.versions.keys()],
    plugin_labels: plugin.labels,
    version_labels: Object.fromEntries(
      [...plugin.versions].map(([version, release]) => [version, release.labels]),
    ),
  };
}
