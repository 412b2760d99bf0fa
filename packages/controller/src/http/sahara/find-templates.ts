import { ApiError, type FieldPath } from '@wadi/api';
import type { Kysely } from 'kysely';
import {
  lockVisibleNodeGroupTemplates,
  type NodeGroupTemplateRow,
} from '../../storage/node-group-templates.ts';
import type { Schema } from '../../storage/schema.ts';

interface Group {
  readonly node_group_template_id: string | null;
}

/**
 * The node group templates that these groups are built from. Inside a transaction they stay as they are until its
 * end. `where` in the request the groups stand.
 */
export async function findTemplates(
  db: Kysely<Schema>,
  projectId: string,
  groups: readonly Group[],
  where: FieldPath,
) {
  const ids = [...new Set(groups.flatMap((group) => group.node_group_template_id ?? []))];
  const templates = await lockVisibleNodeGroupTemplates(db, projectId, ids);
  for (const id of ids)
    if (!templates.has(id))
      throw new ApiError(400, 'NOT_FOUND', `NodeGroup template with id '${id}' not found`, {
        fields: groups.flatMap((group, index) =>
          group.node_group_template_id === id ? [[...where, index, 'node_group_template_id']] : [],
        ),
      });
  return {
    of: (group: Group): NodeGroupTemplateRow | undefined => templates.get(group.node_group_template_id ?? ''),
  };
}
