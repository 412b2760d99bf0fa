# Neutron: linuxbridge with VXLAN, and its agents.
# shellcheck shell=bash

configure_neutron() {
  cat >"$ETC/neutron/neutron.conf" <<EOF
[DEFAULT]
transport_url = $RABBIT_URL
graceful_shutdown_timeout = 3
state_path = $STATE/neutron
host = wadi-lab
bind_host = 0.0.0.0
core_plugin = ml2
service_plugins = router
auth_strategy = keystone
api_workers = 1
rpc_workers = 1
rpc_state_report_workers = 0
api_paste_config = /etc/neutron/api-paste.ini
notify_nova_on_port_status_changes = true
notify_nova_on_port_data_changes = true
dhcp_agents_per_network = 1
agent_down_time = 180

[experimental]
linuxbridge = true

[database]
connection = $(db_url neutron)

[AGENT]
root_helper = env
report_interval = 30

[quotas]
quota_network = -1
quota_subnet = -1
quota_port = -1
quota_router = -1
quota_floatingip = -1
quota_security_group = -1
quota_security_group_rule = -1
$(authtoken neutron)
$(account nova nova)
$(messaging)
EOF

  cat >"$ETC/neutron/ml2.ini" <<EOF
[ml2]
type_drivers = flat,vxlan
tenant_network_types = vxlan
mechanism_drivers = linuxbridge,l2population
extension_drivers = port_security

[ml2_type_flat]
flat_networks = public

[ml2_type_vxlan]
vni_ranges = 1:4000

[securitygroup]
enable_ipset = true
EOF

  cat >"$ETC/neutron/linuxbridge.ini" <<EOF
[DEFAULT]
log_file = $LOG/neutron-linuxbridge.log

[linux_bridge]
physical_interface_mappings = public:ext

[vxlan]
enable_vxlan = true
local_ip = $API_IP
l2_population = true

[securitygroup]
enable_security_group = true
enable_ipset = true
firewall_driver = iptables
EOF

  cat >"$ETC/neutron/l3.ini" <<EOF
[DEFAULT]
log_file = $LOG/neutron-l3.log
interface_driver = linuxbridge
agent_mode = legacy
metadata_access_mark = 0x1
EOF

  cat >"$ETC/neutron/dhcp.ini" <<EOF
[DEFAULT]
log_file = $LOG/neutron-dhcp.log
interface_driver = linuxbridge
enable_isolated_metadata = true
dnsmasq_local_resolv = false
resync_interval = 5
EOF

  cat >"$ETC/neutron/metadata.ini" <<EOF
[DEFAULT]
log_file = $LOG/neutron-metadata.log
nova_metadata_host = $API_IP
metadata_proxy_shared_secret = $PASSWORD
metadata_workers = 0
EOF
}
