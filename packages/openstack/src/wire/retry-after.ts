/**
 * Milliseconds that `Retry-After` (RFC 9110, 10.2.3) asks to wait: seconds, or a date, which is compared with the answer's own
 * `Date` where there is one, since clocks differ. Null: absent or not understood.
 */
export function parseRetryAfter(
  value: string | undefined,
  answered: string | undefined,
  now: number,
): number | null {
  const text = value?.trim();
  if (!text) return null;
  if (/^\d+$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER / 1000) * 1000;
  const until = parseHttpDate(text);
  if (until === null) return null;
  return Math.max(0, until - (parseHttpDate(answered?.trim() ?? '') ?? now));
}

const fixed = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const rfc850 = /^(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const asctime = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** The three forms of RFC 9110, 5.6.7; Date.parse alone would take nearly anything. */
function parseHttpDate(text: string): number | null {
  const known = fixed.test(text) || rfc850.test(text) || asctime.test(text);
  const time = known ? Date.parse(asctime.test(text) ? `${text} GMT` : text) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}
