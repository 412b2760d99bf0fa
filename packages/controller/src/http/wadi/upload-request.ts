import { createHash } from 'node:crypto';
import { ApiError, type UploadRequest } from '@wadi/api';

/** A request in one form, whichever way it was written. */
export interface PlainUploadRequest {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly mode: number | null;
  readonly asRoot: boolean;
  readonly targets: readonly string[];
}

export function plainUploadRequest(request: UploadRequest): PlainUploadRequest {
  const { path, size, sha256, mode, as_root: asRoot = false, targets = [] } = request;
  checkFilePath(path);
  return { path, size, sha256, mode: mode === undefined ? null : Number.parseInt(mode, 8), asRoot, targets };
}

export function checkFilePath(path: string): void {
  const problem = path.includes('\0')
    ? 'may not contain a NUL character'
    : path.endsWith('/')
      ? 'is that of a directory: name the file'
      : null;
  if (problem) throw new ApiError(400, 'INVALID_DATA', `path ${problem}`);
}

/** Tells a repeated request from another one under the same id. */
export function digestOfUpload(clusterId: string, request: PlainUploadRequest): string {
  const { path, size, sha256, mode, asRoot, targets } = request;
  const plain = [clusterId, path, size, sha256, mode, asRoot, [...targets].sort()];
  return createHash('sha256').update(JSON.stringify(plain)).digest('hex');
}
