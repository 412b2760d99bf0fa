import type { Identity } from './engine/engine.ts';
import { parseIdentity } from './engine/ssh2-engine.ts';

/**
 * Throws AUTHENTICATION_FAILED unless the text holds a private key that can be used: to be told when a key is given, not
 * when it is first needed. The message never quotes the text.
 */
export function checkIdentity(identity: Identity): void {
  parseIdentity(identity);
}
