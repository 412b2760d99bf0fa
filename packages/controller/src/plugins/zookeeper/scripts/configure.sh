#!/bin/sh
# Numbers of servers are for ever: made of the group's and the machine's own place, which never change.
number_of() {
  number=$(($1 * 32 + $2 + 1))
  if [ "$2" -ge 32 ] || [ "$number" -gt 255 ]; then
    echo "server numbers go to 255: at most 32 machines in a node group, and seven groups" >&2
    exit 1
  fi
  echo "$number"
}

home=/etc/wadi/zookeeper
data=/var/lib/zookeeper
mkdir -p "$home"
servers=$(wadi_machines zookeeper | while read -r _ ip _ position index; do
  number=$(number_of "$position" "$index")
  printf 'server.%s=%s:%s:%s\n' "$number" "$ip" "$PEER_PORT" "$ELECTION_PORT"
done)
new=$(printf '%s\n' "$servers" | grep -c .)
old=0
if [ -f "$home/zoo.cfg" ]; then old=$(grep -c '^server\.' "$home/zoo.cfg" || true); fi
most=$new
if [ "$old" -gt "$most" ]; then most=$old; fi
# A majority of the new ensemble has to meet every majority of the old one, else it might not know what those confirmed.
if [ "$old" -gt 0 ] && [ $((new / 2 + 1 + old / 2 + 1)) -le "$most" ]; then
  echo "the ensemble cannot go from $old to $new servers at once: add or remove one at a time" >&2
  exit 1
fi

cat >"$home/zoo.cfg.new" <<END
tickTime=$TICK_TIME
initLimit=$INIT_LIMIT
syncLimit=$SYNC_LIMIT
dataDir=$data
clientPort=$CLIENT_PORT
4lw.commands.whitelist=ruok,srvr,mntr,conf
admin.enableServer=false
autopurge.purgeInterval=24
standaloneEnabled=true
$servers
END
mkdir -p "$data" /var/log/zookeeper
# What it logs is on its standard output, which start.sh sends to a file.
cat >"$home/log4j.properties" <<END
log4j.rootLogger=INFO, CONSOLE
log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender
log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout
log4j.appender.CONSOLE.layout.ConversionPattern=%d{ISO8601} %-5p %c{1} - %m%n
END
own=$(number_of "$WADI_GROUP_POSITION" "$WADI_INDEX")
chown -R zookeeper:zookeeper "$data" /var/log/zookeeper
# Written as that user: in its folders root would follow whatever link it finds. The package has one, to /etc.
rm -f "$data/myid"
printf '%s\n' "$own" | setpriv --reuid zookeeper --regid zookeeper --init-groups tee "$data/myid" >/dev/null
if cmp -s "$home/zoo.cfg.new" "$home/zoo.cfg"; then
  rm "$home/zoo.cfg.new"
else
  mv "$home/zoo.cfg.new" "$home/zoo.cfg"
  : >"$home/changed"
fi
