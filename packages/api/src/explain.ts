import { type Static, Type } from 'typebox';
import { orNull } from './field.ts';

const text = (description: string) => orNull(Type.String({ description }));

/** One phase of one hop of a route. */
export const ExplainStep = Type.Object({
  hop: Type.String({ description: 'Name of the machine that it is about.' }),
  phase: Type.String({
    examples: ['dial', 'banner', 'key-exchange', 'host-key', 'authentication', 'command'],
  }),
  ok: Type.Boolean(),
  milliseconds: Type.Number(),
  detail: text('What was found, as an address or the version of the server.'),
  code: text('Of a step that failed.'),
  reason: text('Of TARGET_UNREACHABLE: refused, no-answer, no-route or unknown-name.'),
  message: text('What happened.'),
  hint: text('What a person can do.'),
});
export type ExplainStep = Static<typeof ExplainStep>;

/** A candidate route, walked to the first step that fails. */
export const ExplainedRoute = Type.Object({
  text: Type.String({ examples: ['tcp > demo-proxy-0 > demo-web-1'] }),
  reachable: Type.Boolean(),
  steps: Type.Array(ExplainStep),
});
export type ExplainedRoute = Static<typeof ExplainedRoute>;

/** What was found of a machine when somebody last looked: whether it can be reached, else what fails, where, and what to do. */
export const InstanceVerdict = Type.Object({
  instance_id: Type.String({ format: 'uuid' }),
  instance_name: Type.String(),
  is_proxy: Type.Boolean(),
  reachable: orNull(Type.Boolean({ description: 'Null: nobody has looked yet.' })),
  code: text('Stable; null when it is reachable.'),
  reason: text('Of TARGET_UNREACHABLE.'),
  hop: text('Name of the machine that fails, which may be a proxy.'),
  phase: text('In which it fails; `facts`: nothing was dialled, `power`: the cloud says that it is off.'),
  message: Type.String(),
  hint: text('What a person can do.'),
  route: text('The one that works, or that came furthest.'),
  since: text('Since when this is so, as far as somebody looked.'),
  looked_at: text('When somebody last looked.'),
});
export type InstanceVerdict = Static<typeof InstanceVerdict>;

export const InstanceExplanation = Type.Object({
  verdict: InstanceVerdict,
  routes: Type.Array(ExplainedRoute, { description: 'Candidates in their order, eight at most.' }),
});
export type InstanceExplanation = Static<typeof InstanceExplanation>;
export const InstanceExplanationAnswer = Type.Object({ explanation: InstanceExplanation });
export type InstanceExplanationAnswer = Static<typeof InstanceExplanationAnswer>;
export const InstanceVerdictAnswer = Type.Object({ verdict: InstanceVerdict });
export type InstanceVerdictAnswer = Static<typeof InstanceVerdictAnswer>;

/** One thing that is wrong, and all machines that cannot be reached because of it. */
export const ClusterProblem = Type.Object({
  code: Type.String(),
  reason: orNull(Type.String()),
  hop: text('Null: each machine itself.'),
  phase: orNull(Type.String()),
  message: Type.String({ description: 'Of the first of them.' }),
  hint: orNull(Type.String()),
  instances: Type.Array(Type.String(), { description: 'Names.' }),
});
export type ClusterProblem = Static<typeof ClusterProblem>;

export const ClusterExplanation = Type.Object({
  problems: Type.Array(ClusterProblem, { description: 'Those of most machines first.' }),
  verdicts: Type.Array(InstanceVerdict),
});
export type ClusterExplanation = Static<typeof ClusterExplanation>;
export const ClusterExplanationAnswer = Type.Object({ explanation: ClusterExplanation });
export type ClusterExplanationAnswer = Static<typeof ClusterExplanationAnswer>;

export const ExplainQuery = Type.Object({
  step_seconds: Type.Optional(
    Type.Number({ minimum: 0.1, maximum: 60, description: 'Longest that a step may take.' }),
  ),
});
export type ExplainQuery = Static<typeof ExplainQuery>;
