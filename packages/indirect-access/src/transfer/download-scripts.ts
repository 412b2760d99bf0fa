import { digest, length, seek, stamp } from './machine-tools.ts';
import { TARGET_CHANGED } from './upload-scripts.ts';

const open = `
set -uf
LC_ALL=C; export LC_ALL
path=$1
complain() { echo "$path: $1" >&2; exit 1; }
${digest}
${stamp}
${length}
${seek}
[ ! -d "$path" ] || complain 'Is a directory'
[ ! -e "$path" ] || [ -f "$path" ] || complain 'Not a regular file'
before=$(stamp "$path")
exec 3<"$path" || exit 1
[ "$(stamp "$path")" = "$before" ] || exit ${TARGET_CHANGED}
echo "$(length "$path") $before"`;

/**
 * $1 path. Says the file's size and stamp on a line, reads `OFFSET LENGTH`, and sends these bytes. Ends with
 * TARGET_CHANGED when it is not the same file any more then.
 */
export const downloadScript = `${open}
read -r from count || exit 0
seek "$from" || complain 'cannot go to the offset'
head -c "$count" <&3 || exit 1
[ "$(stamp "$path")" = "$before" ] || exit ${TARGET_CHANGED}`;

/** $1 path. Size and stamp on a line, and the SHA-256 on the next. */
export const digestScript = `${open}
digest <&3
[ "$(stamp "$path")" = "$before" ] || exit ${TARGET_CHANGED}`;
