# The daemons: their command lines, and the order in which they end.
# shellcheck shell=bash

# shellcheck disable=SC2034
declare -A PORT=(
  [keystone]=5000 [placement]=8778 [glance]=9292 [nova-api]=8774 [neutron-server]=9696 [heat]=8004
)
BASE_SERVICES=(mariadb rabbitmq memcached libvirtd)
SERVICES=(
  keystone placement glance neutron-server nova-api nova-conductor nova-scheduler nova-compute heat
  neutron-linuxbridge neutron-l3 neutron-dhcp neutron-metadata
)

NOVA_CONF=(--config-file "$ETC/nova/nova.conf" --config-file "$ETC/nova/database.conf")
NEUTRON_CONF=(--config-file "$ETC/neutron/neutron.conf" --config-file "$ETC/neutron/ml2.ini")
RABBITMQ=(
  env HOME="$STATE/rabbitmq" RABBITMQ_NODENAME=wadilab@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
  RABBITMQ_MNESIA_BASE="$STATE/rabbitmq/db" RABBITMQ_LOG_BASE="$STATE/rabbitmq/log"
  RABBITMQ_PID_FILE="$STATE/rabbitmq/pid" RABBITMQ_ENABLED_PLUGINS_FILE="$STATE/rabbitmq/plugins"
  RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE="$STATE/rabbitmq/none" ERL_EPMD_ADDRESS=127.0.0.1
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"
  /usr/lib/rabbitmq/bin/rabbitmq-server
)
# uwsgi closes each connection after one answer; the header says so, or clients that keep connections run into resets.
UWSGI=(
  uwsgi_python3 --add-header "Connection: close" --master --need-app --die-on-term --lazy-apps --enable-threads
  --processes 1 --threads 6 --buffer-size 65535 --disable-logging --thunder-lock
)

service_command() { # NAME, sets COMMAND
  case $1 in
    mariadb) COMMAND=(mariadbd --defaults-file="$ETC/my.cnf") ;;
    memcached) COMMAND=(memcached -u root -l 127.0.0.1 -p 11211 -m 64) ;;
    rabbitmq) COMMAND=("${RABBITMQ[@]}") ;;
    libvirtd) COMMAND=(libvirtd --config "$ETC/libvirt/libvirtd.conf") ;;
    keystone) COMMAND=(
      env OS_KEYSTONE_CONFIG_FILES="$ETC/keystone/keystone.conf"
      "${UWSGI[@]}" --http-socket 0.0.0.0:5000 --wsgi-file /usr/bin/keystone-wsgi-public
    ) ;;
    placement) COMMAND=(
      env OS_PLACEMENT_CONFIG_DIR="$ETC/placement"
      "${UWSGI[@]}" --http-socket 0.0.0.0:8778 --wsgi-file /usr/bin/placement-api
    ) ;;
    glance) COMMAND=(glance-api --config-file "$ETC/glance/glance-api.conf") ;;
    nova-compute) COMMAND=("$LAB/compute/nova-compute" --config-file "$ETC/nova/nova.conf" --log-file "$LOG/$1.log") ;;
    nova-*) COMMAND=("$1" "${NOVA_CONF[@]}" --log-file "$LOG/$1.log") ;;
    neutron-server) COMMAND=("$1" "${NEUTRON_CONF[@]}" --log-file "$LOG/$1.log") ;;
    neutron-*) COMMAND=(
      env PATH="$LAB/agent:$PATH" "$1-agent" --config-file "$ETC/neutron/neutron.conf" --config-file "$ETC/neutron/${1#neutron-}.ini"
    ) ;;
    heat) COMMAND=(heat-all --config-file "$ETC/heat/heat.conf") ;;
    *) die "no such service: $1" ;;
  esac
}

start() { # NAME...
  local name COMMAND
  for name; do
    service_command "$name"
    launch "$name" "${COMMAND[@]}"
  done
}

stop_services() {
  local name
  for name in "${SERVICES[@]}"; do stop_one "$name"; done
  await_gone 15 "${SERVICES[@]}"
  for name in "${BASE_SERVICES[@]}"; do stop_one "$name"; done
  await_gone 20 "${BASE_SERVICES[@]}"
}
