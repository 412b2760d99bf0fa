# Heat with both of its APIs in one process.
# shellcheck shell=bash

configure_heat() {
  cat >"$ETC/heat/heat.conf" <<EOF
[DEFAULT]
log_file = $LOG/heat.log
transport_url = $RABBIT_URL
graceful_shutdown_timeout = 3
region_name_for_services = $REGION
num_engine_workers = 1
stack_domain_admin = heat_domain_admin
stack_domain_admin_password = $PASSWORD
stack_user_domain_name = heat
heat_metadata_server_url = http://$API_IP:8000
heat_waitcondition_server_url = http://$API_IP:8000/v1/waitcondition
max_stacks_per_tenant = -1
auth_encryption_key = 0123456789abcdef0123456789abcdef

[heat_all]
enabled_services = engine,api,api_cfn

[heat_api]
bind_host = 0.0.0.0
workers = 0

[heat_api_cfn]
bind_host = 0.0.0.0
workers = 0

[database]
connection = $(db_url heat)

[paste_deploy]
api_paste_config = /etc/heat/api-paste.ini

[clients]
endpoint_type = publicURL

[clients_keystone]
auth_uri = http://$API_IP:5000
$(authtoken heat)
$(account trustee heat)
$(messaging)
EOF
}
