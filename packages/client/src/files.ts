import type {
  FileDigest,
  FileDigestAnswer,
  Upload,
  UploadAnswer,
  UploadRequest as UploadDemand,
} from '@wadi/api';
import { Patience } from './patience.ts';
import type { CallOptions, Octets, Transport } from './transport.ts';
import { WadiError } from './wadi-error.ts';

export type UploadRequest = Omit<UploadDemand, 'size' | 'sha256'>;

/** What is uploaded. It is read again from where machines say that they are, so any part may be asked for at any time. */
export interface FileSource {
  /** Bytes. */
  readonly size: number;
  /** Of all of it, in hex. */
  readonly sha256: string;
  /** At least one of these bytes and no more than these, together or as they come; throws when there are none. */
  read(offset: number, length: number): Promise<Octets>;
}

export interface UploadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that a controller or all machines may be out of reach at a stretch. Default 120,000. */
  readonly patience?: number | undefined;
  /** Told after each portion. */
  readonly onProgress?: ((upload: Upload) => void) | undefined;
}

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** As for an upload. */
  readonly patience?: number | undefined;
  readonly asRoot?: boolean | undefined;
  /** Told once how long the file is. */
  readonly onSize?: ((bytes: number) => void) | undefined;
}

/** Bytes that are sent, and are in memory, at once. */
const portionBytes = 8 * 1024 * 1024;
/** Milliseconds for a portion, and in which the slowest machine checks so many bytes in addition. */
const portionTimeout = 180_000;
const slowestDisk = 4 * 1024;

/** Files to and from machines. Both go on where they were after a lost connection, of whatever kind, and are checked. */
export class Files {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Puts a file on machines, each of which has the whole and checked file at its path or what was there before. Resolves when
   * that is settled everywhere: look at `targets` for machines that failed. Begun with the same `id` it goes on where an
   * earlier call was.
   */
  async upload(
    cluster: string,
    request: UploadRequest,
    source: FileSource,
    options: UploadOptions = {},
  ): Promise<Upload> {
    const { size, sha256 } = source;
    const body = { ...request, id: request.id ?? crypto.randomUUID(), size, sha256 };
    const patience = new Patience(options);
    let upload = await patience.keep(() =>
      this.#call<UploadAnswer>('POST', uploadsPath(cluster), { ...options, body, repeatable: true }),
    );
    while (upload.status === 'receiving') {
      options.onProgress?.(upload);
      const { id, offset } = upload;
      const octets = await source.read(offset, Math.min(portionBytes, size - offset));
      const sent = this.#send(cluster, id, offset, octets, size, options.signal);
      const look = () => this.getUpload(cluster, id, { signal: options.signal });
      upload = await sent.catch((error) => (isElsewhere(error) ? look() : patience.afterLoss(error, look)));
      if (upload.offset > offset || upload.status !== 'receiving') patience.restore();
    }
    options.onProgress?.(upload);
    return upload;
  }

  async getUpload(cluster: string, id: string, options: CallOptions = {}): Promise<Upload> {
    return this.#call<UploadAnswer>('GET', uploadPath(cluster, id), options);
  }

  /** Ends it where it is not done yet; nothing is left of it there. */
  async cancelUpload(cluster: string, id: string, options: CallOptions = {}): Promise<Upload> {
    const call = { timeout: 60_000, ...options, repeatable: true };
    return this.#call<UploadAnswer>('DELETE', uploadPath(cluster, id), call);
  }

  /**
   * The bytes of a file as they come. A file that changes meanwhile is refused (FILE_CHANGED), never mixed. Compare `digest`
   * for what must be certain.
   *
   * @param instance name or id
   */
  async *download(
    cluster: string,
    instance: string,
    path: string,
    options: DownloadOptions = {},
  ): AsyncGenerator<Uint8Array, void, void> {
    const patience = new Patience(options);
    const query = fileQuery(path, options);
    let etag: string | undefined;
    let size = Number.POSITIVE_INFINITY;
    for (let offset = 0; offset < size; ) {
      const headers = etag ? { 'If-Match': etag, Range: `bytes=${offset}-` } : {};
      try {
        const { signal } = options;
        const response = await this.#transport.stream(filePath(cluster, instance), {
          query,
          headers,
          signal,
        });
        if (!etag) {
          size = Number(response.headers.get('Content-Length') ?? 0);
          options.onSize?.(size);
        }
        etag = response.headers.get('ETag') ?? undefined;
        for await (const bytes of response.body ?? []) {
          offset += bytes.length;
          patience.restore();
          yield bytes;
        }
        if (offset < size) throw new TypeError('the answer is not complete');
      } catch (error) {
        await patience.afterLoss(error, async () => undefined);
      }
    }
  }

  /** SHA-256 of a whole file, computed on its machine. */
  async digest(
    cluster: string,
    instance: string,
    path: string,
    options: CallOptions & { asRoot?: boolean } = {},
  ): Promise<FileDigest> {
    const call = { timeout: 600_000, ...options, query: fileQuery(path, options) };
    const target = `${filePath(cluster, instance)}/digest`;
    return (await this.#transport.json<FileDigestAnswer>('GET', target, call)).file;
  }

  async #send(
    cluster: string,
    id: string,
    offset: number,
    octets: Octets,
    size: number,
    signal: AbortSignal | undefined,
  ): Promise<Upload> {
    const headers = { 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream' };
    const timeout = portionTimeout + Math.ceil(size / slowestDisk);
    return this.#call<UploadAnswer>('PATCH', uploadPath(cluster, id), { headers, octets, timeout, signal });
  }

  async #call<T extends UploadAnswer>(method: string, path: string, call: object): Promise<Upload> {
    return (await this.#transport.json<T>(method, path, call)).upload;
  }
}

/** It goes on at another byte than was known, or is over. */
function isElsewhere(error: unknown): boolean {
  return error instanceof WadiError && error.status === 409;
}

function fileQuery(path: string, { asRoot }: { readonly asRoot?: boolean | undefined }) {
  return { path, ...(asRoot ? { as_root: 'true' } : {}) };
}

function uploadsPath(cluster: string): string {
  return `/v2/clusters/${encodeURIComponent(cluster)}/uploads`;
}

function uploadPath(cluster: string, id: string): string {
  return `${uploadsPath(cluster)}/${encodeURIComponent(id)}`;
}

function filePath(cluster: string, instance: string): string {
  return `/v2/clusters/${encodeURIComponent(cluster)}/instances/${encodeURIComponent(instance)}/file`;
}
