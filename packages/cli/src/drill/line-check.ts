/** The lines that a command prints: numbered from 0, all of one width, in whole or not at all. */
export interface PrintedLines {
  readonly count: number;
  /** Bytes, with the line's end. */
  readonly width: number;
  /** What has to follow the number; absent: anything. */
  readonly rest?: (number: number) => string;
}

const digits = 9;

/** Reads output as it comes and knows which bytes are missing and which are too many. */
export class LineCheck {
  readonly #lines: PrintedLines;
  readonly #onLine: (text: string) => void;
  readonly #seen: Uint8Array;
  #received = 0;
  #present = 0;
  #begun = '';

  constructor(lines: PrintedLines, onLine: (text: string) => void = () => {}) {
    this.#lines = lines;
    this.#onLine = onLine;
    this.#seen = new Uint8Array(lines.count);
  }

  get bytes(): number {
    return this.#lines.count * this.#lines.width;
  }

  add(bytes: Uint8Array): void {
    this.#received += bytes.length;
    const parts = (this.#begun + Buffer.from(bytes).toString('latin1')).split('\n');
    this.#begun = parts.pop() ?? '';
    for (const text of parts) this.#line(text);
  }

  /** Of which lines nothing whole came, and what came beyond one of each. */
  get result(): { readonly bytesLost: number; readonly bytesDoubled: number } {
    const { count, width } = this.#lines;
    return {
      bytesLost: (count - this.#present) * width,
      bytesDoubled: Math.max(0, this.#received - this.#present * width),
    };
  }

  #line(text: string): void {
    const number = Number(text.slice(0, digits));
    if (!this.#isWhole(text, number)) return;
    if (this.#seen[number] === 0) this.#present += 1;
    this.#seen[number] = 1;
    this.#onLine(text);
  }

  #isWhole(text: string, number: number): boolean {
    const { count, width, rest } = this.#lines;
    if (text.length !== width - 1 || !/^\d{9} /.test(text) || number >= count) return false;
    return rest === undefined || text.slice(digits + 1) === rest(number);
  }
}
