import ssh2 from 'ssh2';

/** A key pair in OpenSSH's formats. */
export interface HostKeyPair {
  readonly private: string;
  readonly public: string;
}

/**
 * Makes a machine's host key. Of ssh2 1.17.0's ed25519 keys one in some two hundred can be read by nobody, ssh2
 * included (it cuts a leading zero byte); such a one is thrown away.
 */
export function generateHostKey(): HostKeyPair {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    const key = ssh2.utils.parseKey(pair.private);
    const publicKey = `ssh-ed25519 ${key instanceof Error ? '' : key.getPublicSSH().toString('base64')}`;
    if (pair.public.trim() === publicKey) return { private: pair.private, public: publicKey };
  }
}
