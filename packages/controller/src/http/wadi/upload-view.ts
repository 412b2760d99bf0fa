import type { RunTargetError, Upload, UploadTarget } from '@wadi/api';
import type { UploadRow, UploadTargetRow } from '../../storage/uploads.ts';

/** `ways`: by which bytes go to machines at this moment. */
export function viewOfUpload(
  upload: UploadRow,
  targets: readonly UploadTargetRow[],
  ways: ReadonlyMap<string, string | null>,
): Upload {
  const size = Number(upload.size);
  const left = targets.filter(({ status }) => status === 'receiving');
  return {
    id: upload.id,
    cluster_id: upload.cluster_id,
    path: upload.path,
    size,
    sha256: upload.sha256,
    mode: upload.mode === null ? null : upload.mode.toString(8).padStart(4, '0'),
    as_root: upload.as_root,
    status: upload.status,
    offset: left.length === 0 ? size : Math.min(...left.map((each) => Number(each.byte_offset))),
    created_at: upload.created_at.toISOString(),
    finished_at: upload.finished_at?.toISOString() ?? null,
    targets: targets.map(
      (target): UploadTarget => ({
        instance_id: target.instance_id,
        instance_name: target.instance_name,
        status: target.status,
        offset: Number(target.byte_offset),
        route: ways.get(target.instance_id) ?? target.route,
        active: ways.has(target.instance_id),
        error: target.error as RunTargetError | null,
        finished_at: target.finished_at?.toISOString() ?? null,
      }),
    ),
  };
}
