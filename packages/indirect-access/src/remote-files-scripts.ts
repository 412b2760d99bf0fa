// What runs on the machine: POSIX sh and its standard tools, plus `readlink`. Every path arrives as a positional
// argument that begins with `/` or `./`, so no program can take it for an option, and no data is ever in an argument.
//
// Why not SFTP: it cannot become root, it needs an extension to rename over a file and another to flush one, and each
// of its steps is a round trip. Here a change is one command, the same for everybody.

/** Some BusyBox builds lack cksum; it fails without having read a byte, so the next may. */
const fingerprint = 'fingerprint() { cksum 2>/dev/null || md5sum; }';

/** $1 path. One byte on stdout says that the file is open; its content follows. */
export const readScript = `
LC_ALL=C; export LC_ALL
[ ! -d "$1" ] || { echo "$1: Is a directory" >&2; exit 1; }
exec 3<"$1" || exit 1
printf .
exec cat <&3`;

/**
 * $1 path. The fingerprint goes to stderr before the content to stdout, so a change in between makes the
 * fingerprint the stale one, and the later comparison fails, which is the safe side.
 */
export const readForEditScript = `
LC_ALL=C; export LC_ALL
[ ! -d "$1" ] || { echo "$1: Is a directory" >&2; exit 1; }
exec 3<"$1" || exit 1
${fingerprint}
fingerprint <"$1" >&2 && exec cat <&3`;

/**
 * Goes from $path to the file behind its links, and notes what it is: $old is empty when there is none, else it has $bits
 * and an $owner. Wants a function `complain`.
 */
export const findTarget = `links=0
while [ -h "$path" ]; do
  links=$((links + 1))
  [ $links -le 40 ] || complain 'Too many levels of symbolic links'
  # The rule of Linux's protected_symlinks, which only holds for links that the kernel follows.
  set -- $(ls -ldn "\${path%/*}/") && folder=$1 keeper=$3
  set -- $(ls -ldn "$path")
  case $folder in
    d???????w[tT]*) [ "$3" = "$keeper" ] || [ "$3" = "$(id -u)" ] || complain 'Permission denied: a link of another user' ;;
  esac
  to=$(readlink "$path"; echo /) && to=\${to%?/}
  case $to in /*) path=$to ;; *) path=\${path%/*}/$to ;; esac
done
[ ! -d "$path" ] || complain 'Is a directory'
if [ -e "$path" ]; then
  [ -f "$path" ] || complain 'Not a regular file'
  [ -w "$path" ] || { : >>"$path"; complain 'Permission denied'; }
  old=yes
  set -- $(ls -ldn "$path")
  bits=$1 owner=$3:$4
elif [ -n "$was" ]; then
  complain 'No such file or directory'
elif [ ! -d "\${path%/*}/" ]; then
  complain 'No such file or directory'
fi`;

/** Makes the directory $temp beside $path, named $name, and enters it. */
export const enterTemporary = `case $path in ./*) path=$PWD/\${path#./} ;; esac
temp=\${path%/*}/$name
mkdir -m 700 "$temp" || { temp=; exit 1; }
cd "$temp" || exit 1
set -- $(ls -ldn .)
case "$1 $3" in "drwx--"[-S]"---"*" $(id -u)") ;; *) complain 'Permission denied: its directory was tampered with' ;; esac`;

/** Gives the file $name the owner and the mode of the old one, or $mode. */
export const giveAttributes = `if [ -n "$old" ]; then
  set -- $(ls -ldn "$name")
  [ "$3:$4" = "$owner" ] || chown "$owner" "$name" || exit 1
fi
if [ -n "$mode" ]; then
  chmod "$mode" "$name" || exit 1
elif [ -n "$old" ]; then
  chmod "$(echo "$bits" | sed 's/^.\\(...\\)\\(...\\)\\(...\\).*/u=\\1,g=\\2,o=\\3/; s/[-T]//g; s/t/x/g; s/s/xs/g; s/S/s/g')" "$name" || exit 1
else
  umask "$mask"
  chmod =r,u+w "$name" || exit 1
fi`;

/** Exit statuses of `placeScript` beside those of failing tools. */
export const CUT_SHORT = 74;
export const CHANGED = 75;

/**
 * $1 write|append|prepend, $2 path, $3 name of the temporary directory and of the file in it, which is also the
 * trailer that ends the input, $4 mode or empty, $5 fingerprint that the file must still have, or empty.
 *
 * The trailer is how a complete input differs from one whose connection broke: both look like an end of file here.
 * The new file is made in a directory of our own, entered once, and named from inside it: whoever may write to the
 * directory around it cannot put a link in its place and turn root against another file.
 *
 * `sync FILE` flushes one file with newer tools and everything with older ones; either will do.
 */
export const placeScript = `
set -uf
LC_ALL=C; export LC_ALL
how=$1 path=$2 name=$3 mode=$4 was=$5
temp= old= mask=$(umask)
umask 077
trap '[ -z "$temp" ] || { rm -f "$name" "$name.data"; cd /; rmdir "$temp" 2>/dev/null; }' EXIT
trap 'exit 129' HUP INT TERM PIPE
${fingerprint}
complain() { echo "$path: $1" >&2; exit 1; }

${findTarget}

${enterTemporary}
set -C; : >"$name" || exit 1; set +C
cat >"$name" || exit 1
[ "$(tail -c \${#name} "$name")" = "$name" ] || { echo 'the data was cut short' >&2; exit ${CUT_SHORT}; }
size=$(wc -c <"$name")
dd if=/dev/null of="$name" bs=1 count=0 seek=$((size - \${#name})) 2>/dev/null || complain 'cannot truncate'

if [ "$how" != write ] && [ -n "$old" ]; then
  mv -f "$name" "$name.data" || exit 1
  while was=$(fingerprint <"$path"); do
    case $how in
      append) cat "$path" "$name.data" ;;
      prepend) cat "$name.data" "$path" ;;
    esac >"$name" || exit 1
    [ "$(fingerprint <"$path")" != "$was" ] || break
  done
  rm -f "$name.data"
fi

${giveAttributes}
sync "$name" || exit 1
[ -z "$was" ] || [ "$(fingerprint <"$path")" = "$was" ] || exit ${CHANGED}
mv -f "$name" "$path" || exit 1
sync "\${path%/*}/" 2>/dev/null
exit 0`;
