import { ApiError } from '@wadi/api';

/** What Sahara calls the kinds of things in its messages. */
type Kind = 'NodeGroupTemplate' | 'ClusterTemplate' | 'ClusterResource';

interface Owned {
  readonly id: string;
  readonly project_id: string;
  readonly is_protected: boolean;
}

/** Public things of others may be seen, not changed; protected ones only be unprotected, published or hidden. */
export function checkMayUpdate(kind: Kind, owned: Owned, projectId: string, changes: object): void {
  checkOwner(kind, owned, projectId);
  if (!owned.is_protected) return;
  const unprotects = 'is_protected' in changes && changes.is_protected === false;
  const onlyPublishes = Object.keys(changes).every((key) => key === 'is_public');
  if (!unprotects && !onlyPublishes)
    throw cannotUpdate(kind, owned, isProtected, 'set is_protected to false in the same request');
}

export function checkOwner(kind: Kind, owned: Owned, projectId: string): void {
  if (owned.project_id !== projectId) throw cannotUpdate(kind, owned, otherTenant, 'make a copy of your own');
}

function cannotUpdate(kind: Kind, owned: Owned, why: string, hint: string): ApiError {
  const text = `${kind} with id '${owned.id}' could not be updated because ${why}`;
  return new ApiError(400, 'UPDATE_FAILED', text, { hint });
}

export function checkMayDelete(kind: Kind, owned: Owned, projectId: string): void {
  const refuse = (why: string, hint?: string) => {
    const text = `${kind} with id '${owned.id}' could not be deleted because ${why}`;
    throw new ApiError(400, 'DELETION_FAILED', text, hint ? { hint } : {});
  };
  if (owned.project_id !== projectId) refuse(otherTenant);
  if (owned.is_protected) refuse(isProtected, 'update it with is_protected false first');
}

const otherTenant = "it wasn't created in this tenant";
const isProtected = "it's marked as protected";
