# Databases and their schemas, side by side where they do not depend on each other.
# shellcheck shell=bash

migrate() {
  local database job jobs=() failed=
  for database in keystone glance placement nova_api nova nova_cell0 neutron heat; do
    sql "CREATE DATABASE IF NOT EXISTS $database CHARACTER SET utf8mb3"
  done
  migrate_keystone >"$LOG/migrate-keystone.out" 2>&1 &
  jobs+=($!)
  migrate_nova >"$LOG/migrate-nova.out" 2>&1 &
  jobs+=($!)
  in_cloud neutron-db-manage "${NEUTRON_CONF[@]}" upgrade heads >"$LOG/migrate-neutron.out" 2>&1 &
  jobs+=($!)
  migrate_others >"$LOG/migrate-others.out" 2>&1 &
  jobs+=($!)
  for job in "${jobs[@]}"; do wait "$job" || failed=yes; done
  [ -z "$failed" ] || die "a schema was not made, see $LOG/migrate-*.out"
}

migrate_keystone() {
  local manage=(in_cloud keystone-manage --config-file "$ETC/keystone/keystone.conf") url=http://$API_IP:5000/v3
  "${manage[@]}" db_sync
  mkdir -p "$STATE"/keystone/{fernet,credential}
  chmod 700 "$STATE"/keystone/*
  "${manage[@]}" fernet_setup --keystone-user root --keystone-group root
  "${manage[@]}" credential_setup --keystone-user root --keystone-group root
  "${manage[@]}" bootstrap --bootstrap-password "$PASSWORD" --bootstrap-username admin \
    --bootstrap-project-name admin --bootstrap-role-name admin --bootstrap-service-name keystone \
    --bootstrap-region-id "$REGION" --bootstrap-admin-url "$url" --bootstrap-public-url "$url" \
    --bootstrap-internal-url "$url"
}

migrate_nova() {
  local manage=(in_cloud nova-manage "${NOVA_CONF[@]}")
  "${manage[@]}" api_db sync
  "${manage[@]}" cell_v2 map_cell0 --database_connection "$(db_url nova_cell0)"
  "${manage[@]}" cell_v2 list_cells | grep -q ' cell1 ' || "${manage[@]}" cell_v2 create_cell --name cell1
  "${manage[@]}" db sync
}

migrate_others() {
  in_cloud glance-manage --config-file "$ETC/glance/glance-api.conf" db_sync
  in_cloud placement-manage --config-file "$ETC/placement/placement.conf" db sync
  in_cloud heat-manage --config-file "$ETC/heat/heat.conf" db_sync
}
