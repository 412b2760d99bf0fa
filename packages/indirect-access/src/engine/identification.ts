import { AccessError } from '../errors.ts';

const MAX_BYTES = 64 * 1024;

/**
 * Collects what a peer says until its identification line (RFC 4253 section 4.2), which lines of noise may
 * precede. ssh2's own reader loses bytes when the line comes in more than two pieces.
 */
export class IdentificationReader {
  #heard = Buffer.alloc(0);

  /** The identification line without its end, and the bytes from its start on; undefined: not there yet. */
  take(chunk: Buffer): { line: string; bytes: Buffer } | undefined {
    this.#heard = this.#heard.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#heard, chunk]);
    for (let start = 0; start < this.#heard.length; ) {
      const end = this.#heard.indexOf(10, start);
      if (end < 0) break;
      const line = this.#heard.subarray(start, end).toString('latin1').replace(/\r$/, '');
      if (line.startsWith('SSH-')) return { line: checkVersion(line), bytes: this.#heard.subarray(start) };
      start = end + 1;
    }
    if (this.#heard.length > MAX_BYTES) throw this.notSsh('no SSH identification in the first 64 KiB');
    return undefined;
  }

  /** Why it is over without an identification. */
  explain(closed: boolean, cause?: unknown): AccessError {
    const heard = this.#heard.toString('latin1');
    if (closed && (heard === '' || /MaxStartups|Not allowed at this time/.test(heard))) {
      return new AccessError('closed the connection before its SSH identification', {
        code: 'OVERLOADED',
        phase: 'banner',
        hint: 'sshd drops connections above MaxStartups, refuses this address, or is starting or stopping',
        retryable: true,
        cause,
      });
    }
    return this.notSsh(closed ? 'closed the connection' : 'no SSH identification within the deadline', cause);
  }

  notSsh(why: string, cause?: unknown): AccessError {
    const heard = printable(this.#heard);
    return new AccessError(`${why}; ${heard ? `it said "${heard}"` : 'it said nothing'}`, {
      code: 'NOT_SSH',
      phase: 'banner',
      hint: 'check the address and the port: what listens there speaks no SSH',
      cause,
    });
  }
}

function checkVersion(line: string): string {
  if (/^SSH-(2\.0|1\.99)-[\x20-\x7e]+$/.test(line)) return line;
  throw new AccessError(`not an SSH 2 identification: "${printable(Buffer.from(line, 'latin1'))}"`, {
    code: 'NOT_SSH',
    phase: 'banner',
  });
}

/** The first words of untrusted bytes, fit for a message. */
function printable(bytes: Buffer): string {
  return bytes
    .subarray(0, 80)
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim();
}
