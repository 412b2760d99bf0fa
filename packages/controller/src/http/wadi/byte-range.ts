import { ApiError } from '@wadi/api';

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * The one range of a `Range` header (RFC 9110 section 14.1.2). undefined: all of it, also for several ranges and for units
 * that nobody knows, which may be ignored. One that lies beyond the end is refused with 416.
 */
export function byteRange(header: string | undefined, size: number): ByteRange | undefined {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first === '') {
    const length = Math.min(size, Number(last));
    if (length === 0) throw beyond(size);
    return { offset: size - length, length };
  }
  const offset = Number(first);
  if (last !== '' && Number(last) < offset) return undefined;
  if (offset >= size) throw beyond(size);
  const end = last === '' ? size : Math.min(size, Number(last) + 1);
  return { offset, length: end - offset };
}

function beyond(size: number): ApiError {
  return new ApiError(
    416,
    'RANGE_NOT_SATISFIABLE',
    `The file has ${size} bytes, and the range begins after them`,
    {
      details: { size },
    },
  );
}
