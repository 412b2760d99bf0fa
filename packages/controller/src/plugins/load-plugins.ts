import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PluginLabel } from '@wadi/api';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';
import type { Plugin, PluginRelease, Plugins } from '../clusters/plugin.ts';

const closed = { additionalProperties: false } as const;
const Name = Type.String({ pattern: '^[a-z][a-z0-9-]{0,49}$' });
const Labels = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean()),
    hidden: Type.Optional(Type.Boolean()),
    stable: Type.Optional(Type.Boolean()),
    deprecated: Type.Optional(Type.Boolean()),
  },
  closed,
);

const Config = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    description: Type.Optional(Type.String()),
    type: Type.Union([
      Type.Literal('string'),
      Type.Literal('int'),
      Type.Literal('bool'),
      Type.Literal('enum'),
    ]),
    values: Type.Optional(Type.Array(Type.String())),
    default: Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
    target: Type.String({ minLength: 1 }),
    scope: Type.Union([Type.Literal('node'), Type.Literal('cluster')]),
    optional: Type.Optional(Type.Boolean()),
    priority: Type.Optional(Type.Union([Type.Literal(1), Type.Literal(2)])),
  },
  closed,
);

const PluginFile = Type.Object(
  {
    name: Name,
    title: Type.String(),
    description: Type.String(),
    labels: Labels,
    versions: Type.Array(
      Type.Object(
        {
          version: Type.String({ minLength: 1 }),
          labels: Labels,
          processes: Type.Record(Type.String(), Type.Array(Name)),
          configs: Type.Optional(Type.Array(Config)),
          required_image_tags: Type.Optional(Type.Array(Type.String())),
        },
        closed,
      ),
      { minItems: 1 },
    ),
  },
  closed,
);
type PluginFile = Static<typeof PluginFile>;
type LabelName = keyof Static<typeof Labels>;

/** The first two in the words of Sahara, which people may have in their scripts. */
const labelFacts: Record<LabelName, Omit<PluginLabel, 'status'>> = {
  enabled: { mutable: true, description: 'Plugin or its version is enabled and can be used by user.' },
  hidden: {
    mutable: true,
    description:
      'Existence of plugin or its version is hidden, but still can be used for cluster creation by CLI and directly by client.',
  },
  stable: { mutable: false, description: 'Proven in use.' },
  deprecated: { mutable: false, description: 'Will be removed; choose another one.' },
};

/** The folder with the plugins that come with Wadi. */
export const builtInPlugins = fileURLToPath(new URL('.', import.meta.url));

/** Reads `<folder>/<name>/plugin.yaml` of every folder given; later folders may not take a name that is taken. */
export async function loadPlugins(folders: readonly string[] = [builtInPlugins]): Promise<Plugins> {
  const plugins = new Map<string, Plugin>();
  for (const folder of folders) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = join(folder, entry.name, 'plugin.yaml');
      const plugin = readPlugin(path, await readFile(path, 'utf8'));
      if (plugin.name !== entry.name) throw new Error(`${path}: the plugin is called ${plugin.name}`);
      if (plugins.has(plugin.name)) throw new Error(`${path}: there is a plugin ${plugin.name} already`);
      plugins.set(plugin.name, plugin);
    }
  }
  return plugins;
}

export function readPlugin(path: string, text: string): Plugin {
  const file: unknown = parse(text);
  if (!Value.Check(PluginFile, file)) {
    const problems = Value.Errors(PluginFile, file).map(
      ({ instancePath, message }) => `${instancePath || '/'} ${message}`,
    );
    throw new Error(`${path}: ${problems.join('; ')}`);
  }
  return {
    name: file.name,
    title: file.title,
    description: file.description.trim(),
    labels: labels(file.labels),
    versions: new Map(file.versions.map((version) => [version.version, release(version)])),
  };
}

function release(version: PluginFile['versions'][number]): PluginRelease {
  return {
    labels: labels(version.labels),
    // Every plugin offers a process that runs nothing, so that a proxy can be a really small machine of its own.
    processes: { ...version.processes, proxy: ['proxy'] },
    requiredImageTags: version.required_image_tags ?? [],
    configs: (version.configs ?? []).map((config) => ({
      name: config.name,
      description: config.description ?? null,
      config_type: config.type,
      config_values: config.values?.map((value) => [value, value] as const) ?? null,
      default_value: config.default ?? null,
      applicable_target: config.target,
      scope: config.scope,
      is_optional: config.optional ?? true,
      priority: config.priority ?? 1,
    })),
  };
}

function labels(set: Static<typeof Labels>): Record<string, PluginLabel> {
  const given = Object.entries(set) as [LabelName, boolean][];
  return Object.fromEntries(given.map(([name, status]) => [name, { status, ...labelFacts[name] }]));
}
