# The lab's process table, and how a command gets into one of its namespaces.
# shellcheck shell=bash

# A pid file holds "pid start": the start time (field 22 of /proc/PID/stat, in ticks since the machine started)
# tells our process from a later one that was given the same number.
start_time() { # PID
  local stat fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  read -ra fields <<<"${stat##*) }"
  echo "${fields[19]}"
}

alive() { # NAME
  local pid began
  [ -f "$RUN/$1.pid" ] || return 1
  read -r pid began <"$RUN/$1.pid" || return 1
  [ "$(start_time "$pid")" = "$began" ]
}

pid_of() { # NAME
  cut -d' ' -f1 "$RUN/$1.pid"
}

record() { # NAME PID
  echo "$2 $(start_time "$2")" >"$RUN/$1.pid"
}

in_cloud() { nsenter --target "$(pid_of keeper)" --net --mount --root --wdns=/ "$@"; }
in_controller() { nsenter --net="/run/netns/$CONTROLLER_NS" "$@"; }

# Starts a daemon on the cloud host, in a session of its own.
launch() { # NAME COMMAND...
  local name=$1
  shift
  alive "$name" && return 0
  setsid nsenter --target "$(pid_of keeper)" --net --mount --root --wdns=/ \
    "$@" >>"$LOG/$name.out" 2>&1 </dev/null 9>&- &
  record "$name" $!
  disown $!
}

stop_one() { # NAME
  if alive "$1"; then kill -TERM "$(pid_of "$1")" 2>/dev/null || true; fi
}

await_gone() { # SECONDS NAME...
  local end=$((SECONDS + $1)) name
  shift
  for name; do
    while alive "$name" && [ "$SECONDS" -lt "$end" ]; do sleep 0.2; done
    if alive "$name"; then kill -KILL "$(pid_of "$name")" 2>/dev/null || true; fi
    rm -f "$RUN/$name.pid"
  done
}

wait_for() { # SECONDS WHAT COMMAND...
  local limit=$1 what=$2 end=$((SECONDS + $1))
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || die "$what: not ready after $limit s, see $LOG"
    sleep 0.3
  done
}

port_open() { in_cloud nc -z "$API_IP" "$1"; }

sql() { in_cloud mariadb --socket="$RUN/mysqld.sock" -uroot -N -B -e "$1"; }
