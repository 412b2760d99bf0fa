import { enterTemporary, findTarget, giveAttributes } from '../remote-files-scripts.ts';
import { digest, enterPlace, length, seek, stamp } from './machine-tools.ts';
import { pull } from './spread-scripts.ts';

/** Exit statuses beside those of failing tools. */
export const TARGET_CHANGED = 75;
export const WRONG_DIGEST = 76;

/**
 * $1 the upload's id, $2 path, $3 size, $4 SHA-256, $5 mode or empty, $6 name of a temporary directory beside the path.
 *
 * Says `at LENGTH` or `done`, then reads `take OFFSET` and all bytes that follow, to the end of the input; or it reads
 * `pull` with all it needs to fetch a portion from the proxy, and says `no` and why when that fails. Says again how far it
 * is. With the last byte the file is checked and put in its place.
 *
 * Bytes are written to their place in the file, not appended: a shell whose connection was lost may still be writing
 * while the next one goes on, and both write the same. The file of the target is noted when the upload begins, and is not
 * replaced when somebody else changed it since.
 */
export const uploadScript = `
set -uf
LC_ALL=C; export LC_ALL
id=$1 path=$2 size=$3 sum=$4 mode=$5 name=$6
temp= old= was= mask=$(umask) me=$(id -u)
umask 077
trap '[ -z "$temp" ] || { rm -f "$name"; cd /; rmdir "$temp" 2>/dev/null; }' EXIT
trap 'exit 129' HUP INT TERM PIPE
complain() { echo "$path: $1" >&2; exit 1; }
${digest}
${stamp}
${length}
${seek}
${enterPlace}
${pull}

finish() {
  if [ "$(digest <data)" != "$sum" ]; then
    rm -rf "$here"
    exit ${WRONG_DIGEST}
  fi
  if [ "$(stamp "$path")" != "$(cat target)" ]; then
    # An attempt that was cut off may have come that far.
    if [ -f "$path" ] && [ "$(digest <"$path")" = "$sum" ]; then settle; return; fi
    rm -rf "$here"
    exit ${TARGET_CHANGED}
  fi
  ${enterTemporary}
  ln "$here/data" "$name" 2>/dev/null || cat "$here/data" >"$name" || exit 1
  ${giveAttributes}
  sync "$name" || exit 1
  mv -f "$name" "$path" || exit 1
  cd "$here" || exit 1
  rmdir "$temp" 2>/dev/null
  temp=
  settle
  sync "\${path%/*}/" 2>/dev/null
}
settle() { echo "$sum" >placed && rm -f data; }

${findTarget}
case $path in ./*) path=$PWD/\${path#./} ;; esac
[ -w "\${path%/*}/" ] || complain 'Permission denied: nothing can be put into its directory'
enter look || enter make || complain 'No place to keep what is uploaded: neither the home directory nor /var/tmp can be written'
here=$(pwd -P)
touch .
if [ -f placed ] && [ "$(cat placed)" = "$sum" ]; then echo done; exit 0; fi
[ -f target ] || stamp "$path" >target || exit 1
if [ ! -e data ] && [ ! -h data ]; then set -C; : >data || exit 1; set +C; fi
[ -f data ] && [ ! -h data ] || complain 'what was uploaded so far was tampered with'
# Cut off between the last two steps.
if [ "$path" -ef data ]; then settle; echo done; exit 0; fi
# Only where there is need: a shell whose connection was lost may be about to rename this very file, with its own mode.
{ [ -r data ] && [ -w data ]; } || chmod 600 data || exit 1
if [ "$(length data)" -gt "$size" ]; then : >data; fi
echo "at $(length data)"
read -r verb from count part host port token key || exit 0
exec 3<>data || exit 1
seek "$from" || complain 'cannot go on where it was'
case $verb in
  pull) pull; rm -f cipher portion ;;
  *) cat >&3 || exit 1 ;;
esac
exec 3>&-
if [ "$(length data)" != "$size" ]; then echo "at $(length data)"; exit 0; fi
finish
echo done`;

/** $1 the upload's id. What is there of it goes; not what it has put in its place. */
export const removeUploadScript = `
set -u
id=$1 me=$(id -u)
${enterPlace}
while enter look; do cd / && rm -rf "\${base:?}/$id" || exit 1; done
exit 0`;

/** $1 days after which nobody will go on with an upload. */
export const sweepUploadsScript = `
me=$(id -u)
if [ "$me" = 0 ]; then own=/var/lib/wadi/transfers; else own=\${HOME:-/nonexistent}/.wadi/transfers; fi
for base in "$own" /var/tmp/.wadi-transfers-$me; do
  { [ -d "$base" ] && [ ! -L "$base" ] && [ -O "$base" ]; } || continue
  find "$base/." ! -name . -prune -type d -mtime +"$1" -exec rm -rf {} +
done 2>/dev/null
exit 0`;
