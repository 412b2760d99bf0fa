/**
 * What runs on the machine: whoever attaches, and the supervisor. POSIX sh and its usual tools, few forks: each costs a
 * machine as much as a good part of a session. Its arguments: this text, a marker, the run's id, `new` or `again`, `user`
 * or `root`.
 *
 * A run has a directory: `boot` (the boot it belongs to), `begun` (the once-lock), `supervisor` (its pid), `group` (of the
 * command), `o.N` and `e.N` (output from byte N on), `dropped.o` and `dropped.e` (bytes that were not kept), `reason` (why
 * it is being ended), `status` (one line: how it ended). What tells the end has its place on the disk before the command
 * begins: a disk that it fills must not change what is known of it.
 */
const source = String.raw`
m=$2 i=$3 how=$4 who=$5 d=
setsid=
for x in /usr/bin/setsid /bin/setsid; do [ -x $x ] && setsid=$x; done

# Finds the run's directory, or makes it. A full or read-only disk must not keep anybody from looking at it.
within() {
  d=$1/$i
  [ -s "$d/boot" ] && { [ $how = again ] || [ -e "$d/begun" ]; } && return
  # Another one may be here at the same time: what it made is not taken away when there is no room for more.
  [ $how = new ] && mkdir -p -m 700 "$d" && { [ -s "$d/boot" ] || echo "$boot" >"$d/boot"; } && return
  d=
  return 1
}
place() {
  if [ $who = root ]; then within /var/lib/wadi/runs; else within "\${HOME:-/nonexistent}/.wadi/runs"; fi && return
  x=$(id -u)
  for b in /var/tmp /dev/shm; do
    b=$b/.wadi-$x
    [ $how = new ] && mkdir -m 700 $b
    # Anybody may have put something there; what is ours nobody else can replace.
    [ -d $b ] && ! [ -L $b ] && [ -O $b ] && within $b && return
  done
}

attach() {
  { read -r boot </proc/sys/kernel/random/boot_id || boot=$(sysctl -n kern.boottime | tr -dc 0-9); } 2>/dev/null
  : "\${boot:=none}"
  { place; } 2>/dev/null
  s=missing
  if [ -n "$d" ]; then
    x=
    { read -r x <"$d/boot"; } 2>/dev/null
    if [ "$x" != "$boot" ]; then s=rebooted; elif [ -e "$d/begun" ]; then s=begun; else s=fresh; fi
  fi
  echo "$m $s $boot" && echo "$m" >&2 || exit
  read -r verb t o e lines variables size most time || exit
  case $verb in
    start) start ;;
    follow) exec 5<&0; follow ;;
    remove) erase ;;
  esac
}

# At once, by its name: whoever is about to begin finds nothing to begin in, however long the rest takes.
erase() {
  mv "$d" "$d.gone"
  exec rm -rf "$d.gone"
}

lines() {
  x= n=0
  while [ $n -lt $1 ]; do
    IFS= read -r l || exit
    x=$x$l'
'
    n=$((n+1))
  done
}

# All input is here before the run begins, and is in no file.
start() {
  trap '' HUP
  lines $lines; command=$x
  lines $variables; variables=$x
  input=
  if [ $size -gt 4096 ]; then input=$(head -c $size); elif [ $size -gt 0 ]; then IFS= read -r input; fi
  exec 5<&0
  # Cut off, nobody hears a word, and it can be begun by another attempt.
  [ \${#input} = $size ] || { read -r x || exit; refuse; }
  reserve 2>/dev/null || refuse
  # One of all who are here opens what is not there: the once-lock.
  set -C
  { true >"$d/begun"; } 2>/dev/null || refuse
  set +C
  echo $$ >"$d/supervisor"
  follow &
  follower=$!
  exec </dev/null >/dev/null 2>&1 5<&-
  supervise
  # sshd would take the end of this process for that of the channel.
  wait $follower
}

# Room for what tells the end, by whoever comes first. A failure with ":" or "exec" would end this shell without a word.
reserve() {
  true >>"$d/o.0" && true >>"$d/e.0" && true >>"$d/note" || return
  set -C
  for x in 'code lost' 'ended lost -                ' 'dropped.o 0' 'dropped.e 0'; do
    echo "\${x#* }" >"$d/\${x%% *}"
  done
  set +C
  n=0
  until [ -s "$d/code" ] && [ -s "$d/ended" ] && [ -s "$d/dropped.o" ] && [ -s "$d/dropped.e" ]; do
    [ -e "$d/begun" ] && return
    [ $n -lt 5 ] || return
    sleep 0.1 || sleep 1
    n=$((n+1))
  done
}

# Whoever says that nothing ran makes sure that nothing will: without its directory no attempt can begin it.
refuse() {
  set +C
  [ -e "$d/begun" ] && follow
  mv "$d" "$d.gone"
  if [ -e "$d.gone/begun" ]; then mv "$d.gone" "$d"; follow; fi
  echo "$t refused"; echo "$t" >&2
  exec rm -rf "$d.gone"
}

supervise() {
  timer=
  if [ -n "$time" ]; then
    { sleep $time & x=$!; trap 'kill $x; exit' TERM; wait $x; trap : TERM; stop timeout; } &
    timer=$!
  fi
  exec 6>"$d/note"
  trap : TERM
  { { { run; } 7>&1 >&8 2>&6 | { exec 6>&- 8>&-; pump e; }; } 8>&1 | { exec 6>&-; pump o; }; }
  x= l=
  read -r x <"$d/reason"
  if [ -n "$x" ]; then l="$x -"
  else
    [ -z "$timer" ] || kill $timer
    x=lost
    read -r x <"$d/code"
    if [ $x = lost ]; then l='lost -'
    else
      l="exited $x"
      # Only for a death by signal does a shell say a word.
      [ $x -gt 128 ] && [ -s "$d/note" ] && l="signal $(kill -l $((x-128)))"
    fi
  fi
  until settle "$l"; do sleep 1; done
}

# In its place, then under its name: neither asks the disk for room.
settle() {
  [ -s "$d/status" ] || ! [ -d "$d" ] || { echo "$1" 1<>"$d/ended" && mv "$d/ended" "$d/status"; }
}

run() {
  trap : HUP TERM
  [ -n "$setsid" ] || set -m 2>/dev/null
  if [ $size -gt 0 ]; then printf %b "$input" | child; else child </dev/null; fi
  echo $? 1<>"$d/code"
}
child() {
  ( eval "$variables"
    if [ -n "$setsid" ]; then
      exec $setsid /bin/sh -c 'echo "$$ $$" >"$1/group" || exit 126; wadi=$2; set --; eval "$wadi"' sh "$d" "$command"
    fi
    exec /bin/sh -c 'wadi_a=; { read -r wadi_a wadi_b wadi_c wadi_d wadi_g wadi_e </proc/$$/stat ||
      wadi_g=$(ps -o pgid= -p $$ | tr -d " "); } 2>/dev/null
      echo "$$ $wadi_g" >"$1/group" || exit 126; wadi=$2; set --; eval "$wadi"' sh "$d" "$command"
  ) 2>&7 6>&- 7>&- 8>&-
}

# Writes what comes, at once, to files of 8 to 16 MiB; waits while too many of them are unread; counts what is too much.
pump() {
  trap '' TERM
  k=$1
  b=0 s=0
  while [ $((b+s)) -lt $most ]; do
    n=$(((most-b-s+32767)/32768))
    [ $n -le 256 ] || n=256
    r=$(LC_ALL=C dd bs=32768 count=$n 2>&1 >>"$d/$1.$b") || { drop 1; return; }
    r=\${r%% records in*}
    r=\${r##*[!0-9+]}
    [ $(($r)) = $n ] || return
    s=$(($(wc -c <"$d/$1.$b")))
    if [ $s -ge 8388608 ]; then
      b=$((b+s)) s=0
      while set -- $1 "$d/$1".*; [ $# -gt 6 ] && [ -d "$d" ]; do sleep 0.2 || sleep 1; done
    fi
  done
  drop 0
}
drop() {
  x=$(($(wc -c)+$1))
  [ $x = 0 ] || echo $x 1<>"$d/dropped.$k"
}

# TERM for the whole group, KILL for what is left of it after two seconds.
stop() {
  [ -s "$d/status" ] && return
  echo $1 >"$d/reason"
  n=0
  until [ -s "$d/group" ] || [ $n -ge 50 ]; do sleep 0.1 || sleep 1; n=$((n+1)); done
  p= g=
  read -r p g <"$d/group" || return
  kill -TERM -$g
  n=0
  while stands && [ $n -lt 20 ]; do sleep 0.1 || sleep 1; n=$((n+1)); done
  stands && kill -KILL -$g
  n=0
  until [ -s "$d/status" ] || ! [ -d "$d" ] || [ $n -ge 10 ]; do sleep 0.1 || sleep 1; n=$((n+1)); done
  # Something that left the group holds the outputs.
  settle "$1 -"
}
# Without setsid and job control the group is also the supervisor's.
stands() {
  if [ $p = $g ]; then kill -0 -$g; else ! [ -s "$d/status" ]; fi
}

# Looks when it is told to: a machine with a thousand runs has nothing to do for those that say nothing.
follow() {
  exec 8>&1 9>&2 2>/dev/null
  # Where it shares its group with the command, it is not meant when that is ended.
  trap '' TERM
  begin o $o 3
  begin e $e 4
  supervisor= n=0 moved=0 gone=
  while :; do
    over=
    [ -n "$supervisor" ] || read -r supervisor <"$d/supervisor"
    if [ -s "$d/status" ]; then over=1
    elif [ -n "$supervisor" ]; then kill -0 $supervisor || over=1
    elif [ $n -gt 20 ]; then over=1
    fi
    true >"$d/now.$t"
    flow o 3 8
    flow e 4 9
    [ -z "$over" ] || break
    # Nobody asks any more; or the supervisor is gone, and sshd counted on it.
    [ -z "$gone" ] || exit
    if [ $moved -ge 4 ]; then say more; exit; fi
    n=$((n+1))
    read -r x <&5 || gone=1
    if [ "$x" = cancel ]; then stop cancelled 5<&- 8>&- 9>&- & fi
  done
  l= do=0 de=0
  read -r l <"$d/status" || l='lost -'
  read -r do <"$d/dropped.o"
  read -r de <"$d/dropped.e"
  say "end $l $do $de"
  while read -r x <&5; do [ "$x" != release ] || erase; done
  exit
}
say() {
  echo "$t $1" >&8
  echo "$t" >&9
}

# What lies before the offset has been stored elsewhere and may go.
begin() {
  k=$1 f=$3 b=
  for y in "$d/$k".*; do
    y=\${y##*.}
    [ $y -le $2 ] && { [ -z "$b" ] || [ $y -gt $b ]; } && b=$y
  done
  if [ -z "$b" ]; then say gap; exit; fi
  skip=$(($2-b))
  set --
  for y in "$d/$k".*; do [ \${y##*.} -lt $b ] && set -- "$@" "$y"; done
  [ $# = 0 ] || rm -f "$@"
  eval "b$k=$b skip$k=$skip; exec $f<\"\$d/$k.$b\""
}

# Passes on what is new: the offset is that of the open file, which every cat moves on.
flow() {
  eval "b=\$b$1 skip=\$skip$1"
  while :; do
    next=
    for y in "$d/$1".*; do
      y=\${y##*.}
      [ $y -gt $b ] && { [ -z "$next" ] || [ $y -lt $next ]; } && next=$y
    done
    # What is written while cat reads is not older than the stamp, which was there before. A clock that was set back
    # makes everything older for a while.
    if [ -n "$over$next" ] || ! [ "$d/$1.$b" -ot "$d/seen.$1.$t" ] || [ "$d/now.$t" -ot "$d/seen.$1.$t" ]; then
      true >"$d/seen.$1.$t"
      if [ -s "$d/$1.$b" ]; then
        if [ $skip -gt 0 ]; then tail -c +$((skip+1)); else cat; fi <&$2 >&$3 || exit
        skip=0
      fi
    fi
    [ -n "$next" ] || break
    b=$next moved=$((moved+1))
    eval "exec $2<\"\$d/$1.$b\""
  done
  eval "b$1=$b skip$1=$skip"
}

attach`;

/** Sent with every attachment, so without what only people need. */
export const runScript = source
  .replaceAll('\\${', '${')
  .replaceAll(/^[ ]*(#.*)?\n/gm, '')
  .replaceAll(/^ +/gm, '');
