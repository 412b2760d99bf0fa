import { quote } from '@wadi/indirect-access';
import { isPublicKey } from '../../clusters/public-key.ts';
import type { HostIdentity } from '../cloud.ts';

export interface FirstBoot {
  readonly loginUser: string;
  /** OpenSSH public keys that are let in. */
  readonly authorizedKeys: readonly string[];
  /** That it is to have, where it has no way to tell its own; absent or null: it makes its own. */
  readonly hostKey?: HostIdentity | null;
  /** For its shell, as root, once the network is there; null: none. */
  readonly command: string | null;
}

/** `cloud-config`: for images with cloud-init. `script`: for those that only start what begins with `#!`. */
export type UserDataKind = 'cloud-config' | 'script';

/**
 * What a machine does when it starts for the first time: it makes host keys of its own, tells them on its console and lets our
 * keys in. Everybody on the machine can read it: the only secrets that may be in it are one that counts once, for minutes, and a
 * host key that is replaced at the first contact.
 */
export function userData(kind: UserDataKind, boot: FirstBoot): string {
  check(boot);
  return kind === 'script' ? script(boot) : cloudConfig(boot);
}

/** cloud-init's, https://cloudinit.readthedocs.io: JSON is YAML, and needs no care about what strings hold. */
function cloudConfig({ loginUser, authorizedKeys, hostKey, command }: FirstBoot): string {
  const root = loginUser === 'root';
  const user = {
    name: loginUser,
    lock_passwd: true,
    ssh_authorized_keys: authorizedKeys,
    ...(root ? {} : { sudo: 'ALL=(ALL) NOPASSWD:ALL', shell: '/bin/sh' }),
  };
  const config = {
    users: ['default', user],
    disable_root: !root,
    ssh_deletekeys: true,
    // Beside ours, cloud-init makes none.
    ...(hostKey
      ? { ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey } }
      : { ssh_genkeytypes: ['ed25519', 'ecdsa', 'rsa'] }),
    ssh: { emit_keys_to_console: true },
    no_ssh_fingerprints: true,
    ...(command === null ? {} : { runcmd: [['sh', '-c', command]] }),
  };
  return `#cloud-config\n${JSON.stringify(config, null, 1)}\n`;
}

/**
 * Host keys that came with the image are other machines' too. Done once: a machine that starts again keeps its keys, and does not
 * let in again what was replaced since.
 */
function script({ loginUser, authorizedKeys, hostKey, command }: FirstBoot): string {
  return `#!/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
user=${quote(loginUser)}
mkdir -p /var/lib/wadi
if mkdir /var/lib/wadi/first-boot 2>/dev/null; then
  rm -f /etc/ssh/ssh_host_*
${hostKey ? placeHostKey(hostKey) : '  ssh-keygen -A\n'}  pid=$(cat /run/sshd.pid 2>/dev/null) && kill -HUP "$pid" 2>/dev/null
fi
home=$(getent passwd "$user" | cut -d: -f6)
if [ -e /var/lib/wadi/keys-let-in ]; then
  :
elif [ -n "$home" ]; then
  (
    umask 077
    mkdir -p "$home/.ssh"
    for key in ${authorizedKeys.map(quote).join(' ')}; do
      grep -qxF "$key" "$home/.ssh/authorized_keys" 2>/dev/null || printf '%s\\n' "$key" >> "$home/.ssh/authorized_keys"
    done
    chown -R "$user:" "$home/.ssh"
  ) && : > /var/lib/wadi/keys-let-in
else
  echo "Wadi: there is no user $user on this image" > /dev/console
fi
{
  echo '-----BEGIN SSH HOST KEY KEYS-----'
  cat /etc/ssh/ssh_host_*_key.pub
  echo '-----END SSH HOST KEY KEYS-----'
} > /dev/console
${command === null ? '' : `sh -c ${quote(command)} > /dev/console 2>&1\n`}`;
}

function placeHostKey({ privateKey, publicKey }: HostIdentity): string {
  return `  (
    umask 077
    printf '%s' ${quote(privateKey)} > /etc/ssh/ssh_host_ed25519_key
    printf '%s\\n' ${quote(publicKey)} > /etc/ssh/ssh_host_ed25519_key.pub
    chmod 644 /etc/ssh/ssh_host_ed25519_key.pub
  )
`;
}

function check({ loginUser, authorizedKeys }: FirstBoot): void {
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(loginUser))
    throw new Error(`'${loginUser}' cannot be the name of a user: register the image with one that can`);
  for (const key of authorizedKeys)
    if (!isPublicKey(key)) throw new Error('a key that is to be let in is no OpenSSH public key');
}
