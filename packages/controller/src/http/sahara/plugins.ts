import type { PluginVersion, Plugin as PluginView } from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import type { Plugin, Plugins } from '../../clusters/plugin.ts';
import { checkQuery } from './list-query.ts';
import { notFound } from './refusals.ts';

export function pluginRoutes(app: FastifyInstance, plugins: Plugins): void {
  app.get('/v2/plugins', async (request) => {
    checkQuery(request, 'plugins_list');
    return { plugins: [...plugins.values()].map(viewPlugin) };
  });

  app.get<{ Params: { name: string } }>('/v2/plugins/:name', async (request) => {
    const plugin = plugins.get(request.params.name);
    if (!plugin) throw notFound({ plugin_name: request.params.name });
    checkQuery(request, 'plugins_get');
    return { plugin: viewPlugin(plugin) };
  });

  app.get<{ Params: { name: string; version: string } }>('/v2/plugins/:name/:version', async (request) => {
    const { name, version } = request.params;
    const plugin = plugins.get(name);
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
