import type { Socket } from 'node:net';
import { isIP } from 'node:net';

/** Bytes of the longest line, its end included (HAProxy's proxy-protocol.txt, section 2.1). */
const longest = 107;
const begin = Buffer.from('PROXY ');

/**
 * Whom a line of the PROXY protocol, version 1, names: an address; null where the balancer speaks for itself (`UNKNOWN`).
 * undefined: it is no such line.
 */
export function parseProxyHeader(line: string): string | null | undefined {
  if (/^PROXY UNKNOWN(?: [^\r\n]*)?\r\n$/.test(line)) return null;
  const [, kind, from = '', to = '', ...ports] =
    /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})\r\n$/.exec(line) ?? [];
  const family = Number(kind);
  if (isIP(from) !== family || isIP(to) !== family) return undefined;
  return ports.every((port) => Number(port) <= 65_535) ? from : undefined;
}

/**
 * Reads who is behind a connection that comes from a balancer, and leaves everything after it in the socket. Resolves to
 * null where the connection begins with something else, and to undefined when there is neither within `deadline`
 * milliseconds; the socket is destroyed then.
 */
export function readProxyHeader(socket: Socket, deadline: number): Promise<string | null | undefined> {
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const finish = (source: string | null | undefined, rest: Buffer) => {
      clearTimeout(timer);
      socket.off('data', read).off('close', give).pause();
      if (source === undefined) socket.destroy();
      else if (rest.length > 0) socket.unshift(rest);
      resolve(source);
    };
    const give = () => finish(undefined, seen);
    const read = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      const length = Math.min(seen.length, begin.length);
      if (!seen.subarray(0, length).equals(begin.subarray(0, length))) return finish(null, seen);
      const end = seen.subarray(0, longest).indexOf('\n') + 1;
      if (end > 0) finish(parseProxyHeader(seen.toString('latin1', 0, end)), seen.subarray(end));
      else if (seen.length >= longest) give();
    };
    const timer = setTimeout(give, deadline);
    socket.on('data', read).once('close', give);
  });
}
