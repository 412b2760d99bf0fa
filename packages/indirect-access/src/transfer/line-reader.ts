import type { Readable } from 'node:stream';

/** More than any line of ours has. */
const longest = 8192;

/** Reads lines off a stream and leaves what follows them in it. */
export class LineReader {
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  /** Without its end; undefined: there is none any more. */
  next(): Promise<string | undefined> {
    const stream = this.#stream;
    return new Promise((resolve) => {
      let heard = Buffer.alloc(0);
      const finish = (line: string | undefined) => {
        stream.off('readable', look).off('end', over).off('close', over).off('error', over);
        resolve(line);
      };
      const over = () => finish(undefined);
      const look = () => {
        for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) {
          heard = Buffer.concat([heard, chunk]);
          const end = heard.indexOf(10);
          if (end < 0 && heard.length < longest) continue;
          if (end < 0) return finish(undefined);
          if (end + 1 < heard.length) stream.unshift(heard.subarray(end + 1));
          return finish(heard.toString('utf8', 0, end));
        }
      };
      if (stream.readableEnded || stream.destroyed) return over();
      stream.on('readable', look).on('end', over).on('close', over).on('error', over);
      look();
    });
  }
}
