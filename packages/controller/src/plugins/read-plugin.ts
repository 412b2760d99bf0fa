import type { PluginLabel } from '@wadi/api';
import { parse } from 'yaml';
import type {
  HealthCheck,
  Plugin,
  PluginRelease,
  PluginScript,
  PluginSetting,
  Port,
  ProcessLifecycle,
} from '../clusters/plugin.ts';
import { pluginSteps } from '../clusters/plugin.ts';
import { wadiTarget } from '../clusters/wadi-configs.ts';
import {
  type ConfigText,
  type LabelTexts,
  type LifecycleText,
  type PluginFile,
  type ScriptText,
  shapeProblems,
  type VersionText,
} from './plugin-file.ts';

/** A plugin as it lies in its folder. */
export interface PluginSource {
  /** Of plugin.yaml; errors begin with it. */
  readonly path: string;
  readonly text: string;
  readonly hash: string;
  /** By file name, below `scripts/`. */
  readonly scripts: ReadonlyMap<string, string>;
}

type LabelName = keyof LabelTexts;

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

/** Ours, what scripts cannot do without, and what bash, where it is the shell, lets nobody set. */
const reserved = /^(WADI_|LD_|BASH|(PATH|IFS|HOME|UID|EUID|PPID|SHELLOPTS)$)/;

/** Seconds. */
const defaultTimeout = { step: 600, health: 20 } as const;

/** All that is wrong is said at once, each with file and field. */
export function readPlugin(source: PluginSource): Plugin {
  let file: unknown;
  try {
    file = parse(source.text);
  } catch (error) {
    throw new Error(`${source.path}: ${(error as Error).message}`);
  }
  const shape = shapeProblems(file);
  if (shape.length > 0) throw new Error(shape.map((problem) => `${source.path}: ${problem}`).join('\n'));
  const { name, title, description, labels: set, versions } = file as PluginFile;
  const problems: string[] = [];
  const seen = new Set<string>();
  const releases = versions.map((version, index) => {
    const at = `versions.${index}`;
    if (seen.has(version.version)) problems.push(`${at}.version: ${version.version} is there twice`);
    seen.add(version.version);
    return [version.version, new ReleaseReader(source, problems, at).read(version)] as const;
  });
  if (problems.length > 0)
    throw new Error(problems.map((problem) => `${source.path}: ${problem}`).join('\n'));
  return {
    name,
    title,
    description: description.trim(),
    hash: source.hash,
    labels: labels(set),
    versions: new Map(releases),
  };
}

class ReleaseReader {
  readonly #source: PluginSource;
  readonly #problems: string[];
  readonly #at: string;
  readonly #variables = new Set<string>();

  constructor(source: PluginSource, problems: string[], at: string) {
    this.#source = source;
    this.#problems = problems;
    this.#at = at;
  }

  read(version: VersionText): PluginRelease {
    const processes = Object.values(version.processes).flat();
    for (const name of processes.filter((one, index) => processes.indexOf(one) !== index))
      this.#say('processes', `${name} is there twice`);
    if (processes.includes('proxy') || Object.hasOwn(version.processes, 'proxy'))
      this.#say('processes', 'proxy is there in every plugin, and runs nothing: do not list it');
    const configs = version.configs ?? [];
    const settings = configs.map((config, index) => this.#setting(config, `configs.${index}`));
    const lifecycle = Object.entries(version.lifecycle ?? {}).map(([name, text]) => {
      if (!processes.includes(name)) this.#say(`lifecycle.${name}`, 'there is no such process');
      return [name, this.#lifecycle(text, `lifecycle.${name}`)] as const;
    });
    return {
      labels: labels(version.labels),
      // Every plugin offers a process that runs nothing, so that a proxy can be a really small machine of its own.
      processes: { ...version.processes, proxy: ['proxy'] },
      requiredImageTags: version.required_image_tags ?? [],
      configs: configs.map((config) => ({
        name: config.name,
        description: config.description ?? null,
        config_type: config.type,
        config_values: config.values?.map((value) => [value, value] as const) ?? null,
        default_value: config.default ?? null,
        applicable_target: config.target,
        scope: config.scope,
        is_optional: config.optional ?? true,
        priority: config.priority ?? 1,
        needs_root: config.needs_root ?? false,
      })),
      settings,
      lifecycle: new Map(lifecycle),
    };
  }

  #setting(config: ConfigText, field: string): PluginSetting {
    const {
      name,
      target,
      type,
      values,
      default: value,
      secret = false,
      needs_root: needsRoot = false,
    } = config;
    const variable =
      config.variable ??
      name
        .toUpperCase()
        .replaceAll(/[^A-Z0-9]+/g, '_')
        .replaceAll(/^_+|_+$/g, '');
    if (!/^[A-Z][A-Z0-9_]*$/.test(variable) || reserved.test(variable))
      this.#say(`${field}.variable`, `${variable || "''"} cannot be the shell variable of a config`);
    if (this.#variables.has(variable)) this.#say(`${field}.variable`, `${variable} is there twice`);
    this.#variables.add(variable);
    if (target === wadiTarget) this.#say(`${field}.target`, `${target} is for what every cluster has`);
    if ((type === 'enum') !== (values !== undefined))
      this.#say(`${field}.values`, 'belongs to the type enum, and to no other');
    const fits = { string: 'string', enum: 'string', int: 'number', bool: 'boolean' }[type];
    if (value !== undefined && (typeof value !== fits || (type === 'int' && !Number.isInteger(value))))
      this.#say(`${field}.default`, `is not of the type ${type}`);
    if (values && value !== undefined && !values.includes(String(value)))
      this.#say(`${field}.default`, 'is not one of the values');
    if (secret && (type !== 'string' || value !== undefined))
      this.#say(`${field}.secret`, 'a secret is a string without a default');
    return { target, name, variable, secret, needsRoot, default: value ?? null };
  }

  #lifecycle(text: LifecycleText, field: string): ProcessLifecycle {
    const steps: Partial<Record<(typeof pluginSteps)[number], PluginScript>> = {};
    for (const step of pluginSteps) {
      const script = text[step];
      if (script) steps[step] = this.#script(script, defaultTimeout.step, `${field}.${step}`);
    }
    return {
      steps,
      health: (text.health ?? []).map((check, index) => this.#health(check, `${field}.health.${index}`)),
      web: (text.web ?? []).map(({ title, port, path = '/' }, index) => {
        this.#port(port, `${field}.web.${index}.port`);
        return { title, port, path };
      }),
    };
  }

  #health(check: NonNullable<LifecycleText['health']>[number], field: string): HealthCheck {
    const { name, command, http } = check;
    if ((command === undefined) === (http === undefined)) this.#say(field, 'needs either command or http');
    if (command) return { name, check: this.#script(command, defaultTimeout.health, `${field}.command`) };
    const { port = 1, path = '/', status = 200, timeout = defaultTimeout.health } = http ?? {};
    this.#port(port, `${field}.http.port`);
    return { name, check: { port, path, status, timeout } };
  }

  #script(script: ScriptText, timeout: number, field: string): PluginScript {
    const text = this.#source.scripts.get(script.script);
    if (text === undefined) this.#say(`${field}.script`, `there is no file scripts/${script.script}`);
    else if (!/^#!\/bin\/sh\r?\n/.test(text))
      this.#say(`${field}.script`, `scripts/${script.script} does not begin with #!/bin/sh`);
    else if (/[\0\r]/.test(text))
      this.#say(`${field}.script`, `scripts/${script.script} holds NUL bytes or carriage returns`);
    return {
      file: `scripts/${script.script}`,
      text: text ?? '',
      root: script.root ?? false,
      timeout: script.timeout ?? timeout,
    };
  }

  #port(port: Port, field: string): void {
    if (typeof port === 'string' && !this.#variables.has(port))
      this.#say(field, `${port} is the variable of no config`);
  }

  #say(field: string, problem: string): void {
    this.#problems.push(`${this.#at}.${field}: ${problem}`);
  }
}

function labels(set: LabelTexts): Record<string, PluginLabel> {
  const given = Object.entries(set) as [LabelName, boolean][];
  return Object.fromEntries(given.map(([name, status]) => [name, { status, ...labelFacts[name] }]));
}
