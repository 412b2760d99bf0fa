const begin = '-----BEGIN SSH HOST KEY KEYS-----';
const end = '-----END SSH HOST KEY KEYS-----';
const key =
  /(?:^|\s)((?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{20,2000}={0,2})(?=\s|$)/;

/**
 * The host keys that a machine wrote on its console when it started: cloud-init's block, or the same written by our script.
 * Of several blocks the last whole one counts. Empty: it did not say them yet.
 *
 * A console is a terminal: lines end in CR LF, and the kernel may write between them.
 */
export function readHostKeys(console: string): readonly string[] {
  const last = console.lastIndexOf(end);
  const from = last < 0 ? -1 : console.lastIndexOf(begin, last);
  if (from < 0) return [];
  const lines = console.slice(from + begin.length, last).split(/\r?\n/);
  const keys = lines.flatMap((line) => key.exec(line)?.[1] ?? []);
  return [...new Set(keys)].filter(isWhole);
}

/** RFC 4253, 6.6: the blob begins with the name of its own type. */
function isWhole(line: string): boolean {
  const [type = '', base64 = ''] = line.split(' ');
  const blob = Buffer.from(base64, 'base64');
  return blob.length > 4 && blob.subarray(4, 4 + blob.readUInt32BE(0)).toString() === type;
}
