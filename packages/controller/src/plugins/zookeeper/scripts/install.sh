#!/bin/sh
case $PACKAGE_SOURCE in
  *"
"*)
    echo 'Package source has more than one line' >&2
    exit 1
    ;;
  '' | 'deb '*) ;;
  *)
    echo 'Package source is no line of a sources.list: it begins with deb' >&2
    exit 1
    ;;
esac
installed() {
  [ -x /usr/share/zookeeper/bin/zkServer.sh ] && id zookeeper >/dev/null 2>&1
}
if installed; then exit 0; fi
command -v apt-get >/dev/null 2>&1 || {
  echo 'this machine has neither ZooKeeper nor apt-get to install it with' >&2
  exit 1
}
export DEBIAN_FRONTEND=noninteractive
mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial
set -- -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3
if [ -n "$PACKAGE_SOURCE" ]; then
  mkdir -p /etc/wadi
  printf '%s\n' "$PACKAGE_SOURCE" >/etc/wadi/zookeeper.list
  set -- "$@" -o Dir::Etc::sourcelist=/etc/wadi/zookeeper.list -o Dir::Etc::sourceparts=- \
    -o APT::Get::List-Cleanup=0
fi
apt-get "$@" update
apt-get "$@" --no-install-recommends install zookeeper
installed
