import { AccessError } from '../errors.ts';
import type { Route } from '../route.ts';
import type { Sessions } from '../session.ts';
import { type DownloadSpec, digestOf, type FileDigest, OpenDownload } from './download.ts';
import { Spread, type SpreadSpec } from './spread.ts';
import { UploadChannel, type UploadSpec } from './upload.ts';
import { removeUploadScript, sweepUploadsScript } from './upload-scripts.ts';

/** Large files to and from one machine, so that they can go on at the byte where they were when a connection is lost. */
export interface RemoteTransfers {
  /** Looks how much of an upload the machine has; the channel takes what is missing. */
  openUpload(spec: UploadSpec): Promise<UploadChannel>;
  /** What the machine keeps of an upload goes; not the file that it has put in its place. */
  removeUpload(id: string, options?: SweepUploads): Promise<void>;
  /** Opens a file to read from any offset. */
  openDownload(spec: DownloadSpec): Promise<OpenDownload>;
  /** SHA-256 of a whole file. FILE_CHANGED when it changes meanwhile. */
  digest(spec: DownloadSpec): Promise<FileDigest>;
  /** Puts a portion on this machine, a proxy, from which those behind it fetch it. */
  openSpread(spec: SpreadSpec): Promise<Spread>;
  /** Removes uploads that nobody went on with for so many days. */
  sweep(olderThan: number, options?: SweepUploads): Promise<void>;
}

export interface SweepUploads {
  readonly asRoot?: boolean;
  readonly signal?: AbortSignal;
}

/** Milliseconds for the removal of what is left. */
const removalDeadline = 60_000;

export function remoteTransfers(sessions: Sessions, route: Route): RemoteTransfers {
  const clean = async (script: string, word: string, { asRoot = false, signal }: SweepUploads = {}) => {
    const command = ['sh', '-c', script, 'wadi-upload', word];
    const options = { asRoot, timeout: removalDeadline, ...(signal ? { signal } : {}) };
    await sessions.exec(route, command, options);
  };
  return {
    openUpload: (spec) => UploadChannel.open(sessions, route, spec),
    openDownload: (spec) => OpenDownload.open(sessions, route, spec),
    digest: (spec) => digestOf(sessions, route, spec),
    openSpread: (spec) => Spread.open(sessions, route, spec),
    async removeUpload(id, options) {
      if (!/^[0-9a-f-]{36}$/.test(id)) throw invalid('not an id of an upload');
      await clean(removeUploadScript, id, options);
    },
    async sweep(olderThan, options) {
      if (!Number.isInteger(olderThan) || olderThan < 0) throw invalid('not a number of days');
      await clean(sweepUploadsScript, String(olderThan), options);
    },
  };
}

function invalid(message: string): AccessError {
  return new AccessError(message, { code: 'INVALID_ARGUMENT', phase: 'transfer' });
}
