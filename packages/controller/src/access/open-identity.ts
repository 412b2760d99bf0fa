import { createPrivateKey } from 'node:crypto';
import { checkIdentity, decryptIdentity } from '@wadi/indirect-access';
import { writeEd25519 } from './management-key.ts';
import type { StoredIdentity } from './stored-identity.ts';

/**
 * What is kept of a private key that somebody gives: without its passphrase, because the whole is stored encrypted, and
 * deriving a key from a passphrase stops the process for most of a second, each time. Throws what `checkIdentity` does.
 */
export function openIdentity(privateKey: string, passphrase: string | undefined): StoredIdentity {
  if (passphrase === undefined) {
    checkIdentity({ privateKey });
    return { privateKey };
  }
  const pem = decryptIdentity({ privateKey, passphrase });
  // The one form that SSH clients do not read.
  const unusual = pem.startsWith('-----BEGIN PRIVATE KEY-----');
  return { privateKey: unusual ? writeEd25519(createPrivateKey(pem), '').privateKey : pem };
}

/** Rounds of bcrypt that opening the key takes (PROTOCOL.key of OpenSSH); 0: it has no passphrase, or is of another form. */
export function derivationRounds(privateKey: string): number {
  const [, text = ''] =
    /-----BEGIN OPENSSH PRIVATE KEY-----([^-]*)-----END OPENSSH PRIVATE KEY-----/.exec(privateKey) ?? [];
  const blob = Buffer.from(text, 'base64');
  let at = 'openssh-key-v1\0'.length;
  const field = () => {
    const begin = at + 4;
    at = begin + blob.readUInt32BE(at);
    return blob.subarray(begin, at);
  };
  try {
    field(); // the cipher
    if (field().toString() !== 'bcrypt') return 0;
    const options = field();
    return options.readUInt32BE(options.length - 4);
  } catch {
    // Cut short: whoever reads it as a key says so.
    return 0;
  }
}
