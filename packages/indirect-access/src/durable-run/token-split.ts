/** More bytes than any last line of ours has. */
const longestLine = 4096;

/**
 * Passes on a stream up to the line that begins with `token`. The machine cannot know how much there will be when it
 * begins to send, and a token that the command never saw cannot be in its output.
 */
export class TokenSplit {
  readonly #token: Buffer;
  #held: Buffer = Buffer.alloc(0);
  #found = false;

  constructor(token: string) {
    this.#token = Buffer.from(token, 'latin1');
  }

  /** `line`: what stands behind the token, once the whole line is there, and nothing when it has no end; nothing is passed on after it. */
  push(chunk: Buffer): { readonly bytes: Buffer; readonly line?: string } {
    const all = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const at = this.#found ? 0 : all.indexOf(this.#token);
    if (at < 0) {
      const keep = this.#beginning(all);
      this.#held = Buffer.from(all.subarray(all.length - keep));
      return { bytes: all.subarray(0, all.length - keep) };
    }
    this.#found = true;
    this.#held = Buffer.from(all.subarray(at));
    const bytes = all.subarray(0, at);
    const end = this.#held.indexOf(10);
    if (end < 0) return this.#held.length > longestLine ? { bytes, line: '' } : { bytes };
    return { bytes, line: this.#held.toString('latin1', this.#token.length, end).trim() };
  }

  /** How many bytes at the end may be the beginning of the token. */
  #beginning(bytes: Buffer): number {
    for (let count = Math.min(this.#token.length - 1, bytes.length); count > 0; count -= 1)
      if (bytes.subarray(bytes.length - count).equals(this.#token.subarray(0, count))) return count;
    return 0;
  }
}
