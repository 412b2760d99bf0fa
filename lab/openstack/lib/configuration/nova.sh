# Nova. nova-compute reads no database.conf: it has to go through the conductor.
# shellcheck shell=bash

configure_nova() {
  local driver=libvirt.LibvirtDriver libvirt_type=qemu
  case $VIRT_TYPE in
    fake) driver=fake.FakeDriver ;;
    netns) driver=netns_machines.NetnsDriver ;;
    *) libvirt_type=$VIRT_TYPE ;;
  esac
  cat >"$ETC/nova/nova.conf" <<EOF
[DEFAULT]
transport_url = $RABBIT_URL
graceful_shutdown_timeout = 3
state_path = $STATE/nova
instances_path = $STATE/nova/instances
my_ip = $API_IP
host = wadi-lab
enabled_apis = osapi_compute,metadata
osapi_compute_workers = 1
metadata_workers = 1
compute_driver = $driver
cpu_allocation_ratio = 32
ram_allocation_ratio = 4
disk_allocation_ratio = 32
reserved_host_memory_mb = 0
resume_guests_state_on_host_boot = true
allow_resize_to_same_host = true
shutdown_timeout = 5
flat_injected = false
metadata_cache_expiration = 5
service_down_time = 180

[wsgi]
api_paste_config = /etc/nova/api-paste.ini

[api]
local_metadata_per_cell = false

[conductor]
workers = 1

[scheduler]
workers = 1
discover_hosts_in_cells_interval = 20

[quota]
instances = -1
cores = -1
ram = -1
key_pairs = -1
server_groups = -1
server_group_members = -1

[libvirt]
virt_type = $libvirt_type
cpu_mode = none
disk_cachemodes = file=unsafe
swtpm_enabled = false
wait_soft_reboot_seconds = 10
num_pcie_ports = 0

[vnc]
enabled = false

[spice]
enabled = false

[glance]
region_name = $REGION

[privsep_osbrick]
helper_command = privsep-helper --config-file $ETC/nova/nova.conf

[nova_sys_admin]
helper_command = privsep-helper --config-file $ETC/nova/nova.conf

[vif_plug_linux_bridge_privileged]
helper_command = privsep-helper --config-file $ETC/nova/nova.conf

[vif_plug_ovs_privileged]
helper_command = privsep-helper --config-file $ETC/nova/nova.conf
$(authtoken nova)
$(account service_user nova)
send_service_user_token = true
$(account placement placement)
$(account neutron neutron)
service_metadata_proxy = true
metadata_proxy_shared_secret = $PASSWORD
$(messaging)
EOF

  cat >"$ETC/nova/database.conf" <<EOF
[api_database]
connection = $(db_url nova_api)

[database]
connection = $(db_url nova)
EOF
}
