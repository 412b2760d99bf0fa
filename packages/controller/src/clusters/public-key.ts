/** Whether a line is one that `authorized_keys` may have, without options: they would be obeyed. */
export function isPublicKey(line: string): boolean {
  return /^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}( [\x20-\x7e]*)?$/.test(line);
}
