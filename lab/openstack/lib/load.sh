# Reads the lab's other parts; every script begins with it.
# shellcheck shell=bash source-path=SCRIPTDIR
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

. "$LAB/lib/settings.sh"
. "$LAB/lib/processes.sh"
. "$LAB/lib/network.sh"
. "$LAB/lib/services.sh"
for part in "$LAB"/lib/configuration/*.sh; do . "$part"; done

say() { printf '[%4s s] %s\n' "$SECONDS" "$*"; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

need_root() { [ "$(id -u)" = 0 ] || die "run as root"; }

# One up, down or wipe at a time. The lock's descriptor (9) must not reach what outlives the script.
take_turn() {
  exec 9>"$STATE/turn.lock"
  flock -n 9 || die "another up or down is running"
}

# Runs a part of the lab's Python, which finds its settings in the environment.
seed() { # PART, with in_cloud or in_controller in front
  "$1" env WADI_LAB_API_IP="$API_IP" WADI_LAB_REGION="$REGION" WADI_LAB_PASSWORD="$PASSWORD" \
    WADI_LAB_EXT_NET="$EXT_NET" WADI_LAB_EXT_GATEWAY="$CONTROLLER_EXT_IP" \
    WADI_LAB_EXT_START="$EXT_POOL_START" WADI_LAB_EXT_END="$EXT_POOL_END" \
    WADI_LAB_DEMO_NET="$DEMO_NET" WADI_LAB_OTHER_NET="$OTHER_NET" \
    WADI_LAB_SCRIPT_IMAGE="$SCRIPT_IMAGE" WADI_LAB_CLOUD_INIT_IMAGE="$CLOUD_INIT_IMAGE" \
    WADI_LAB_GUEST_USER="$GUEST_USER" WADI_LAB_NOVA_CONF="$ETC/nova" \
    WADI_LAB_VIRT_TYPE="$VIRT_TYPE" WADI_LAB_IMAGES="$STATE/image" \
    /usr/bin/python3 -B "$LAB/seed/$2.py" 9>&-
}
