# The database, the hypervisor, Keystone, Glance and Placement.
# shellcheck shell=bash

configure_base() {
  cat >"$ETC/my.cnf" <<EOF
[mysqld]
user = root
datadir = $STATE/mysql
socket = $RUN/mysqld.sock
pid-file = $RUN/mysqld.own-pid
skip-networking
skip-log-bin
skip-name-resolve
max_connections = 600
performance_schema = off
innodb_flush_log_at_trx_commit = 0
innodb_doublewrite = 0
innodb_buffer_pool_size = 128M
innodb_log_file_size = 32M
character-set-server = utf8mb3
EOF

  cat >"$ETC/keystone/keystone.conf" <<EOF
[DEFAULT]
log_file = $LOG/keystone.log
public_endpoint = http://$API_IP:5000
max_token_size = 512

[database]
connection = $(db_url keystone)

[identity]
password_hash_rounds = 4

[token]
provider = fernet
expiration = 14400

[fernet_tokens]
key_repository = $STATE/keystone/fernet

[credential]
key_repository = $STATE/keystone/credential

[cache]
enabled = true
backend = oslo_cache.memcache_pool
memcache_servers = 127.0.0.1:11211
EOF

  cat >"$ETC/glance/glance-api.conf" <<EOF
[DEFAULT]
log_file = $LOG/glance.log
bind_host = 0.0.0.0
workers = 1
enabled_backends = local:file

[database]
connection = $(db_url glance)

[glance_store]
default_backend = local

[local]
filesystem_store_datadir = $STATE/glance

[os_glance_tasks_store]
filesystem_store_datadir = $STATE/glance/tasks

[os_glance_staging_store]
filesystem_store_datadir = $STATE/glance/staging

[paste_deploy]
flavor = keystone
config_file = /etc/glance/glance-api-paste.ini

$(authtoken glance)
$(messaging)
EOF

  cat >"$ETC/placement/placement.conf" <<EOF
[DEFAULT]
log_file = $LOG/placement.log

[placement_database]
connection = $(db_url placement)

[api]
auth_strategy = keystone
$(authtoken placement)
EOF

  cat >"$ETC/libvirt/libvirtd.conf" <<EOF
auth_unix_rw = "none"
auth_unix_ro = "none"
log_outputs = "3:file:$LOG/libvirtd.log"
EOF

  cat >"$STATE/libvirt/etc/qemu.conf" <<EOF
user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
namespaces = []
remember_owner = 0
cgroup_controllers = []
EOF
}
