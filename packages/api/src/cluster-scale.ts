import { type Static, Type } from 'typebox';
import { type NodeGroupRequest, nodeGroupChoice } from './node-group-template.ts';

/** To another number of machines: the highest numbers go first, unless `instances` says which. */
export const NodeGroupResize = Type.Object(
  {
    name: Type.String(),
    count: Type.Integer({ minimum: 0 }),
    instances: Type.Optional(
      Type.Array(Type.String(), {
        'x-since': 'v2',
        description: 'Names or ids of machines to remove; not both at once.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type NodeGroupResize = Static<typeof NodeGroupResize>;

export const ClusterScale = Type.Object(
  {
    resize_node_groups: Type.Optional(Type.Array(NodeGroupResize, { minItems: 1 })),
    add_node_groups: Type.Optional(
      Type.Unsafe<NodeGroupRequest[]>({ type: 'array', minItems: 1, items: nodeGroupChoice() }),
    ),
  },
  {
    additionalProperties: false,
    anyOf: [{ required: ['resize_node_groups'] }, { required: ['add_node_groups'] }],
  },
);
export type ClusterScale = Static<typeof ClusterScale>;
