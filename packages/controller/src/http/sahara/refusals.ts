import { ApiError, type FieldPath } from '@wadi/api';
import type { Use } from '../../storage/node-group-templates.ts';
import { pythonText } from './python-text.ts';

/** `key` says by what it was looked for, e.g. `{ id: '…' }`. */
export function notFound(key: Record<string, string>): ApiError {
  return new ApiError(404, 'NOT_FOUND', `Object with ${pythonText(key)} not found`);
}

export function nameTaken(
  kind: 'NodeGroup template' | 'Cluster template' | 'Cluster',
  name: string,
): ApiError {
  const text = `${kind} with name '${name}' already exists`;
  return new ApiError(400, 'NAME_ALREADY_EXISTS', text, { fields: [['name']] });
}

export function invalidReference(message: string, ...fields: readonly FieldPath[]): ApiError {
  return new ApiError(400, 'INVALID_REFERENCE', message, { fields });
}

/** Who names the plugin names its version too; `field` as the request calls it. */
export function versionMissing(field: string): ApiError {
  return invalidReference(`You must specify a ${field} value for your plugin_name`, ['plugin_version']);
}

/** `N/A`, or the names; of what other projects have only that it is there. */
export function namesOfUsers(users: readonly Use[], projectId: string): string {
  const visible = users.filter((user) => user.projectId === projectId || user.isPublic);
  const hidden = users.length - visible.length;
  const names = visible.map((user) => user.name);
  if (hidden > 0) names.push(`${hidden} in other projects`);
  return names.length > 0 ? names.join(', ') : 'N/A';
}
