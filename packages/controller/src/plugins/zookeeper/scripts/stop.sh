#!/bin/sh
home=/etc/wadi/zookeeper
pidfile=/run/wadi-zookeeper.pid
running() {
  pid=$(cat "$pidfile" 2>/dev/null) && [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q "$home/zoo.cfg"
}
if running; then kill "$pid" 2>/dev/null || true; fi
count=0
while running; do
  count=$((count + 1))
  if [ "$count" -gt 60 ]; then kill -9 "$pid" 2>/dev/null || true; fi
  sleep 0.5
done
rm -f "$pidfile"
# One that leaves may come back when the ensemble is another one: it must not be held to what it knew.
if printf '%s\n' "$WADI_LEAVING" | cut -d ' ' -f 1 | grep -qxF "$WADI_NAME"; then rm -f "$home/zoo.cfg" "$home/changed"; fi
