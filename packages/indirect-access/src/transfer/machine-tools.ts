/** Parts of the scripts of transfers. POSIX sh and its usual tools. */

/** Reads a file on stdin and prints its SHA-256 in hex. */
export const digest = `digest() {
  if command -v sha256sum >/dev/null; then sha256sum
  elif command -v openssl >/dev/null; then openssl dgst -sha256 -r
  elif command -v shasum >/dev/null; then shasum -a 256
  else busybox sha256sum
  fi | cut -c 1-64
}`;

/** What tells a file from what it was before: nanoseconds where there is a `stat`, else minutes. */
export const stamp = `stamp() {
  if [ -e "$1" ]; then stat -L -c '%d:%i %s %y' "$1" 2>/dev/null || ls -lLin "$1"; else echo none; fi
}`;

/** Length in bytes of the regular file $1. Some `wc -c` read all of it. */
export const length = 'length() { set -- $(ls -lnL "$1"); echo "$5"; }';

/** Moves the open file 3 to byte $1: its offset is shared by all who have it. */
export const seek = 'seek() { [ "$1" = 0 ] || dd bs=1 skip="$1" count=0 <&3 2>/dev/null; }';

/**
 * Enters the private directory of the upload $id, which lies where runs have theirs; $1 is `make` to make it. Nobody
 * but its owner can put anything into it, and no link is followed on the way from what is ours.
 */
export const enterPlace = `enter() {
  if [ "$me" = 0 ]; then base=/var/lib/wadi/transfers; else base=\${HOME:-/nonexistent}/.wadi/transfers; fi
  inside $1 && return
  base=/var/tmp/.wadi-transfers-$me
  inside $1
}
inside() {
  [ "$1" != make ] || mkdir -p -m 700 "$base" 2>/dev/null
  [ -d "$base" ] && [ ! -L "$base" ] && [ -O "$base" ] || return
  [ "$1" != make ] || mkdir -m 700 "$base/$id" 2>/dev/null
  [ -d "$base/$id" ] && [ ! -L "$base/$id" ] && [ -O "$base/$id" ] && [ -w "$base/$id" ] && cd "$base/$id"
}`;
