#!/bin/sh
# Asked before any machine goes: later it would be too late.
if [ ! -f /etc/wadi/zookeeper/zoo.cfg ]; then exit 0; fi
old=$(grep -c '^server\.' /etc/wadi/zookeeper/zoo.cfg || true)
new=$(wadi_machines zookeeper | grep -c . || true)
if [ "$new" -gt 0 ] && [ $((new / 2 + 1 + old / 2 + 1)) -le "$old" ]; then
  echo "the ensemble cannot go from $old to $new servers at once: remove one at a time" >&2
  exit 1
fi
