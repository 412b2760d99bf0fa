# What every script of the lab agrees on. WADI_LAB_* may be set from outside.
# shellcheck shell=bash disable=SC2034

STATE=${WADI_LAB_STATE:-/var/tmp/wadi-openstack-lab} # databases, images, disks, logs, pids
RUN=$STATE/run
LOG=$STATE/log
ETC=$STATE/etc

CLOUD_NS=oscloud           # the cloud host: APIs, agents, hypervisor
CONTROLLER_NS=oscontroller # the machine that Wadi's controller runs on

# Management network: the controller and the cloud's APIs.
API_IP=198.51.100.10
CONTROLLER_MGMT_IP=198.51.100.1
# Public network: floating IPs. The controller is on it, and is its gateway.
CONTROLLER_EXT_IP=203.0.113.1
EXT_NET=203.0.113.0/24
EXT_POOL_START=203.0.113.50
EXT_POOL_END=203.0.113.250
# The only port of the controller that guests may connect to: machines that dial in.
AGENT_PORT=8022
# What guests reach of the cloud: Keystone, Heat's signals, Heat, Nova, Glance, Neutron.
GUEST_API_PORTS=5000,8000,8004,8774,9292,9696
# The networks of the projects demo and other.
DEMO_NET=10.20.0.0/24
OTHER_NET=10.30.0.0/24

PASSWORD=${WADI_LAB_PASSWORD:-labsecret} # of every account
REGION=RegionOne

# qemu (emulated), kvm (where the host can), fake: Nova's fake driver, whose servers exist in the APIs only, or netns:
# that driver with an OpenSSH machine in a network namespace behind each server.
VIRT_TYPE=${WADI_LAB_VIRT_TYPE:-qemu}
GUEST_USER=debian
SCRIPT_IMAGE=debian-lab            # obeys user data that is a script
CLOUD_INIT_IMAGE=debian-cloud-init # has Debian's cloud-init
MIRROR=${WADI_LAB_MIRROR:-}        # for the guests' packages; the machine's own where empty

PACKAGES=(
  keystone glance-api placement-api
  nova-api nova-conductor nova-scheduler nova-compute nova-compute-kvm
  neutron-server neutron-linuxbridge-agent neutron-l3-agent
  neutron-dhcp-agent neutron-metadata-agent
  heat-api heat-engine
  mariadb-server rabbitmq-server memcached
  python3-openstackclient python3-heatclient python3-pymysql
  uwsgi-core uwsgi-plugin-python3 libvirt-daemon-system-sysv
  busybox-static mmdebstrap genisoimage e2fsprogs qemu-utils curl
  iproute2 iputils-arping iputils-ping ipset ebtables conntrack dnsmasq-base
  haproxy socat netcat-openbsd openssh-client jq procps util-linux
)
