import { openSync, renameSync, statSync } from 'node:fs';
import { type Logger, pino } from 'pino';

/** Bytes; a longer log is set aside at the next start, once. */
const longLog = 20_000_000;

/** Where a token or key could turn up in what is logged; the rest of the code must not hand them over at all. */
const secretPaths = [
  'token',
  'private_key',
  'passphrase',
  'password',
  '*.token',
  '*.private_key',
  '*.passphrase',
  '*.password',
  'headers["x-auth-token"]',
  'headers.authorization',
  'req.headers["x-auth-token"]',
  'req.headers.authorization',
];

export function openLog(file: string, level: string): Logger {
  const options = {
    level,
    base: { pid: process.pid },
    redact: { paths: secretPaths, censor: '[redacted]' },
    // Requests by method and path only: headers and queries stay out.
    serializers: {
      req: (request: { method?: string; url?: string; id?: unknown }) => ({
        id: request.id,
        method: request.method,
        url: request.url?.split('?', 1)[0],
      }),
    },
  };
  if (file === '-') return pino(options, pino.destination({ dest: 1, sync: true }));
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > longLog) renameSync(file, `${file}.1`);
  // Synchronous: what was written is there even after a kill.
  return pino(options, pino.destination({ dest: openSync(file, 'a', 0o600), sync: true }));
}
