import { type Static, Type } from 'typebox';
import { Errors } from 'typebox/value';

const closed = { additionalProperties: false } as const;
const Name = Type.String({ pattern: '^[a-z][a-z0-9-]{0,49}$' });
const Variable = Type.String({ pattern: '^[A-Z][A-Z0-9_]{0,63}$' });
const ScriptName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$' });
const Seconds = Type.Integer({ minimum: 1, maximum: 7200 });
const Port = Type.Union([Type.Integer({ minimum: 1, maximum: 65_535 }), Variable]);
const UrlPath = Type.String({ pattern: '^/[!-~]*$' });

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
    type: Type.Enum(['string', 'int', 'bool', 'enum']),
    values: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    default: Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
    target: Type.String({ minLength: 1 }),
    scope: Type.Enum(['node', 'cluster']),
    optional: Type.Optional(Type.Boolean()),
    priority: Type.Optional(Type.Enum([1, 2])),
    secret: Type.Optional(Type.Boolean()),
    needs_root: Type.Optional(Type.Boolean()),
    variable: Type.Optional(Variable),
  },
  closed,
);

const scriptFields = {
  script: ScriptName,
  root: Type.Optional(Type.Boolean()),
  timeout: Type.Optional(Seconds),
};
const Script = Type.Object(scriptFields, closed);

const Health = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    command: Type.Optional(Script),
    http: Type.Optional(
      Type.Object(
        {
          port: Port,
          path: Type.Optional(UrlPath),
          status: Type.Optional(Type.Integer({ minimum: 100, maximum: 599 })),
          timeout: Type.Optional(Seconds),
        },
        closed,
      ),
    ),
  },
  closed,
);

const Lifecycle = Type.Object(
  {
    install: Type.Optional(Script),
    configure: Type.Optional(Script),
    start: Type.Optional(Script),
    decommission: Type.Optional(Script),
    stop: Type.Optional(Script),
    health: Type.Optional(Type.Array(Health)),
    web: Type.Optional(
      Type.Array(
        Type.Object(
          { title: Type.String({ minLength: 1 }), port: Port, path: Type.Optional(UrlPath) },
          closed,
        ),
      ),
    ),
  },
  closed,
);

const Version = Type.Object(
  {
    version: Type.String({ minLength: 1 }),
    labels: Labels,
    processes: Type.Record(Type.String(), Type.Array(Name)),
    configs: Type.Optional(Type.Array(Config)),
    required_image_tags: Type.Optional(Type.Array(Type.String())),
    lifecycle: Type.Optional(Type.Record(Type.String(), Lifecycle)),
  },
  closed,
);

export const PluginFile = Type.Object(
  {
    name: Name,
    title: Type.String({ minLength: 1 }),
    description: Type.String(),
    labels: Labels,
    versions: Type.Array(Version, { minItems: 1 }),
  },
  closed,
);
export type PluginFile = Static<typeof PluginFile>;
export type VersionText = Static<typeof Version>;
export type ConfigText = Static<typeof Config>;
export type LifecycleText = Static<typeof Lifecycle>;
export type ScriptText = Static<typeof Script>;
export type LabelTexts = Static<typeof Labels>;

/** What is wrong with its shape, each with the field's name. */
export function shapeProblems(file: unknown): string[] {
  return Errors(PluginFile, file).map(({ keyword, instancePath, params, message }) => {
    const field = instancePath.slice(1).replaceAll('/', '.') || 'the file';
    if (keyword !== 'additionalProperties') return `${field}: ${message}`;
    const { additionalProperties } = params as { additionalProperties: readonly string[] };
    return `${field}: unknown field ${additionalProperties.join(', ')}`;
  });
}
