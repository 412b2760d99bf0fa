#!/bin/sh
home=/etc/wadi/zookeeper
pidfile=/run/wadi-zookeeper.pid
running() {
  pid=$(cat "$pidfile" 2>/dev/null) && [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q "$home/zoo.cfg"
}
if running && [ -f "$home/changed" ]; then
  kill "$pid" 2>/dev/null || true
  count=0
  while running; do
    count=$((count + 1))
    if [ "$count" -gt 60 ]; then kill -9 "$pid" 2>/dev/null || true; fi
    sleep 0.5
  done
fi
if ! running; then
  # As its own user, who opens the file of its output too, in a session of its own: it goes on when this script has ended.
  cd /var/lib/zookeeper
  setsid setpriv --reuid zookeeper --regid zookeeper --init-groups \
    sh -c 'exec "$@" >>/var/log/zookeeper/zookeeper.out 2>&1' sh \
    java "-Xmx${HEAP_MB}m" "-Dzookeeper.log.dir=/var/log/zookeeper" -XX:+ExitOnOutOfMemoryError \
    -cp "$home:/usr/share/java/zookeeper.jar" org.apache.zookeeper.server.quorum.QuorumPeerMain "$home/zoo.cfg" \
    </dev/null >/dev/null 2>&1 &
  echo "$!" >"$pidfile"
  sleep 1
  running || {
    tail -n 5 /var/log/zookeeper/zookeeper.out >&2
    exit 1
  }
fi
rm -f "$home/changed"
