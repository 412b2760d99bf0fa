/** Exit status of `use`: what the machine is to show is not there any more. */
export const LOST = 76;

/**
 * $1 make|use|forget, then the public keys that are to be shown. For root, on a machine with OpenSSH's sshd; POSIX sh and its
 * standard tools.
 *
 * `make`: a new key beside each host key, of the same type, made on the machine; prints the public ones. `use`: puts them in
 * the old ones' places, where sshd looks, and has it read them; the old ones are kept, and come back when sshd would not start.
 * `forget`: removes the old ones.
 *
 * Each may run twice, also at the same time, and may be cut off anywhere: a file appears whole, and `ln` puts it where none is.
 */
export const hostKeyScript = `
set -u
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH
umask 077
act=$1; shift
place=/etc/ssh/wadi-host-keys
complain() { echo "$1" >&2; exit 1; }

if [ "$act" = forget ]; then
  rm -rf "$place" && sync
  exit
fi

sshd=$(command -v sshd) || complain 'it has no sshd of OpenSSH'
config=$("$sshd" -T -C user=root,host=localhost,addr=127.0.0.1) || complain 'sshd does not tell its settings'
case "
$config" in
  *'
hostcertificate '*) complain 'its host key has a certificate (HostCertificate), which would be none of the new one' ;;
esac
# Only those that are there: sshd names others that it would take.
paths=$(printf '%s\\n' "$config" | sed -n 's/^hostkey //p' | while read -r path; do [ ! -f "$path" ] || printf '%s\\n' "$path"; done)
[ -n "$paths" ] || complain 'sshd has no host key in a file'
keyOf() { sed 's/^\\([^ ]* [^ ]*\\).*/\\1/' "$1"; }

make() {
  name=\${1##*/}
  told=$(ssh-keygen -l -f "$1") || return 1
  case $told in
    *'(ED25519)') set -- ed25519 256 ;;
    *'(ECDSA)') set -- ecdsa "\${told%% *}" ;;
    *'(RSA)') set -- rsa 3072 ;;
    *) return 0 ;;
  esac
  if [ ! -f "$place/next/$name" ]; then
    ssh-keygen -q -t "$1" -b "$2" -N '' -C '' -f "$place/making.$$" || return 1
    ln "$place/making.$$" "$place/next/$name" 2>/dev/null || [ -f "$place/next/$name" ] || return 1
    rm -f "$place/making.$$" "$place/making.$$.pub"
  fi
  ssh-keygen -y -f "$place/next/$name" >"$place/making.$$.pub" || return 1
  keyOf "$place/making.$$.pub"
  mv -f "$place/making.$$.pub" "$place/next/$name.pub"
}

keep() {
  cp -p "$1" "$place/keeping.$$" || return 1
  ln "$place/keeping.$$" "$place/old/$2" 2>/dev/null || [ -f "$place/old/$2" ] || return 1
  rm -f "$place/keeping.$$"
}

# $1 new content, $2 the file: owner and mode stay.
replace() {
  cp -p "$2" "$2.wadi.$$" && cat "$1" >"$2.wadi.$$" && mv -f "$2.wadi.$$" "$2" || return 1
  ! command -v restorecon >/dev/null || restorecon "$2" || :
}

use() {
  name=\${1##*/}
  [ -f "$place/next/$name.pub" ] || return 0
  keep "$1" "$name" && { [ ! -f "$1.pub" ] || keep "$1.pub" "$name.pub"; } || return 1
  [ ! -f "$1.pub" ] || replace "$place/next/$name.pub" "$1.pub" || return 1
  replace "$place/next/$name" "$1"
}

undo() {
  name=\${1##*/}
  [ ! -f "$place/old/$name.pub" ] || replace "$place/old/$name.pub" "$1.pub"
  [ ! -f "$place/old/$name" ] || replace "$place/old/$name" "$1"
}

each() { printf '%s\\n' "$paths" | while read -r path; do "$1" "$path" || exit 1; done; }

mkdir -p "$place/next" "$place/old" || exit 1
if [ "$act" = make ]; then
  each make || complain 'no new host key could be made'
  sync
  exit
fi

shown() { ssh-keygen -y -f "$1" | sed 's/^\\([^ ]* [^ ]*\\).*/\\1/'; }
for key in "$@"; do
  each shown | grep -qxF "$key" || cat "$place"/next/*.pub 2>/dev/null | sed 's/^\\([^ ]* [^ ]*\\).*/\\1/' | grep -qxF "$key" || exit ${LOST}
done
each use || { each undo; complain 'the new host keys could not be put in their places'; }
sync
problem=$("$sshd" -t 2>&1) || { each undo; sync; complain "sshd does not take the new host keys: $problem"; }

# The one that serves us: the last of our ancestors that is an sshd, unless each connection has one of its own.
pid=$$ listener=
while [ "\${pid:-0}" -gt 0 ]; do
  title=$(tr '\\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = sshd ]; then
    case $title in sshd:*listener*|/*) listener=$pid ;; esac
  fi
  pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
done
[ -z "$listener" ] || kill -HUP "$listener"
exit 0`;
