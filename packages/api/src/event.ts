import { type Static, Type } from 'typebox';

/** What a person waits for or suffers from. */
export const ClusterEvent = Type.Object({
  sequence: Type.String({ description: 'Ascending; ask for what is `after` it.' }),
  type: Type.String({ examples: ['instance.waiting', 'host-key.pinned'] }),
  body: Type.Record(Type.String(), Type.Unknown()),
  created_at: Type.String(),
});
export type ClusterEvent = Static<typeof ClusterEvent>;

export const ClusterEventList = Type.Object({ events: Type.Array(ClusterEvent) });
export type ClusterEventList = Static<typeof ClusterEventList>;

export const ClusterEventQuery = Type.Object({
  after: Type.Optional(Type.String({ pattern: '^[0-9]{1,18}$', description: 'the sequence of an event' })),
  wait: Type.Optional(Type.Number({ minimum: 0, maximum: 60, description: 'Seconds; answers earlier.' })),
});
export type ClusterEventQuery = Static<typeof ClusterEventQuery>;
