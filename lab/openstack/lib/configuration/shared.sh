# What the services' configurations have in common. All of it is below $ETC; nothing in /etc is changed.
# shellcheck shell=bash

RABBIT_URL=rabbit://guest:guest@127.0.0.1:5672/

configure() {
  mkdir -p "$ETC"/{keystone,glance,placement,nova,neutron,heat,libvirt} "$RUN/lock" \
    "$STATE"/{glance,nova/instances,neutron,mysql,rabbitmq,keystone,libvirt/etc}
  # Daemons of other users pass through; they do not look around.
  chmod 711 "$STATE"
  configure_base
  configure_nova
  configure_neutron
  configure_heat
}

db_url() { echo "mysql+pymysql://root@localhost/$1?unix_socket=$RUN/mysqld.sock&charset=utf8"; }

# The credentials of a service's account, as the section SECTION.
account() { # SECTION USER
  cat <<EOF

[$1]
auth_type = password
auth_url = http://$API_IP:5000/v3
username = $2
password = $PASSWORD
project_name = service
user_domain_name = Default
project_domain_name = Default
region_name = $REGION
EOF
}

authtoken() { # USER
  account keystone_authtoken "$1"
  cat <<EOF
www_authenticate_uri = http://$API_IP:5000/v3
memcached_servers = 127.0.0.1:11211
service_token_roles_required = true
EOF
}

messaging() {
  cat <<EOF

[oslo_messaging_rabbit]
heartbeat_timeout_threshold = 0
rabbit_retry_interval = 1

[oslo_messaging_notifications]
driver = noop

[oslo_concurrency]
lock_path = $RUN/lock
EOF
}
