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
