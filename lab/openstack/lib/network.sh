# Namespaces, the wires between them, and the process that keeps the cloud host.
# shellcheck shell=bash disable=SC2016

network_up() {
  # Namespaces of routers and networks that were here before us are not ours to remove.
  [ -f "$RUN/foreign-netns" ] || neutron_netns >"$RUN/foreign-netns"

  local space
  for space in "$CLOUD_NS" "$CONTROLLER_NS"; do
    [ -e "/run/netns/$space" ] || ip netns add "$space"
    ip -n "$space" link set lo up
    nsenter --net="/run/netns/$space" sysctl -qw \
      net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  done
  wire mgmt "$CONTROLLER_MGMT_IP/24" "$API_IP/24"
  wire ext "$CONTROLLER_EXT_IP/24" ""
  ip -n "$CLOUD_NS" route replace "$EXT_NET" via "$CONTROLLER_MGMT_IP"
  in_controller sysctl -qw net.ipv4.ip_forward=1
  packet_filter | in_controller iptables-restore
  keeper_up
}

wire() { # DEVICE CONTROLLER-ADDRESS CLOUD-ADDRESS
  ip -n "$CONTROLLER_NS" link show "$1" >/dev/null 2>&1 ||
    ip link add "$1" netns "$CONTROLLER_NS" type veth peer name "$1" netns "$CLOUD_NS"
  ip -n "$CONTROLLER_NS" address replace "$2" dev "$1"
  ip -n "$CONTROLLER_NS" link set "$1" up
  ip -n "$CLOUD_NS" link set "$1" up
  [ -z "$3" ] || ip -n "$CLOUD_NS" address replace "$3" dev "$1"
}

# The controller's machine passes guests on to the cloud's APIs. Of its own ports they get one, for machines that
# dial in: all others it has to go to itself.
packet_filter() {
  cat <<FILTER
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -i ext -d $CONTROLLER_EXT_IP -p tcp --dport $AGENT_PORT -j ACCEPT
-A INPUT -i ext -p tcp -j REJECT --reject-with tcp-reset
-A INPUT -i ext -j REJECT --reject-with icmp-port-unreachable
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i mgmt -o ext -j ACCEPT
-A FORWARD -i ext -o mgmt -d $API_IP -p tcp -m multiport --dports $GUEST_API_PORTS -j ACCEPT
-A FORWARD -i ext -j REJECT --reject-with icmp-port-unreachable
COMMIT
FILTER
}

# The keeper sleeps, and holds the cloud host's mount namespace: there /sys shows the namespace's own devices, where
# the agents look for bridges, and libvirt's directories are the lab's own. /run/netns stays shared with the
# machine, so that qrouter-* and qdhcp-* are visible everywhere.
keeper_up() {
  alive keeper && return 0
  mkdir -p "$STATE"/libvirt/{etc,lib,run,log,cache} \
    /etc/libvirt /var/lib/libvirt /run/libvirt /var/log/libvirt /var/cache/libvirt
  rm -f "$RUN/keeper.ready"
  setsid nsenter --net="/run/netns/$CLOUD_NS" unshare --mount --propagation unchanged bash -c '
    set -e
    while read -r _ _ _ _ where _; do
      case $where in
        /run/netns | /run/netns/*) ;;
        *) mount --make-private "$where" 2>/dev/null || : ;;
      esac
    done </proc/self/mountinfo
    mount -t sysfs sysfs /sys
    mount --bind "$1/etc" /etc/libvirt
    mount --bind "$1/lib" /var/lib/libvirt
    mount --bind "$1/run" /run/libvirt
    mount --bind "$1/log" /var/log/libvirt
    mount --bind "$1/cache" /var/cache/libvirt
    : >"$2"
    exec sleep infinity
  ' keeper "$STATE/libvirt" "$RUN/keeper.ready" >>"$LOG/keeper.out" 2>&1 </dev/null 9>&- &
  record keeper $!
  disown $!
  wait_for 10 "the cloud host's mount namespace" test -e "$RUN/keeper.ready"
}

neutron_netns() { ip netns list | awk '$1 ~ /^q(router|dhcp)-/ {print $1}'; }

# Those that the lab's own agents made.
agent_netns() {
  [ ! -f "$RUN/foreign-netns" ] || neutron_netns | grep -vxF -f "$RUN/foreign-netns" || true
}

# Of the machines of WADI_LAB_VIRT_TYPE=netns.
server_netns() { ip netns list | awk '$1 ~ /^osserver-/ {print $1}'; }

network_down() {
  local space pid
  # What still runs in the lab's namespaces was started by the lab.
  for space in $(agent_netns) $(server_netns) "$CLOUD_NS"; do
    for pid in $(ip netns pids "$space" 2>/dev/null); do
      kill -KILL "$pid" 2>/dev/null || true
    done
  done
  rm -f "$RUN"/keeper.*
  rm -rf "$STATE/nova/netns"
  for space in $(agent_netns) $(server_netns) "$CLOUD_NS" "$CONTROLLER_NS"; do
    [ ! -e "/run/netns/$space" ] || ip netns delete "$space" || true
  done
}
