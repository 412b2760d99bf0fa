import type { Identity } from './engine/engine.ts';
import { parseIdentity } from './engine/ssh2-engine.ts';

/**
 * Throws AUTHENTICATION_FAILED unless the text holds a private key that can be used: to be told when a key is given, not
 * when it is first needed. The message never quotes the text.
 */
export function checkIdentity(identity: Identity): void {
  parseIdentity(identity);
}

/**
 * The key without its passphrase, as PEM (ed25519 in PKCS #8, else the key type's own form). Blocks the process for as
 * long as the key's derivation takes, tens of milliseconds for each of its rounds.
 */
export function decryptIdentity(identity: Identity): string {
  return parseIdentity(identity).getPrivatePEM();
}

/** `type base64`: what a machine lets in for this private key. Throws as `checkIdentity` does. */
export function publicKeyOf(identity: Identity): string {
  const key = parseIdentity(identity);
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}
