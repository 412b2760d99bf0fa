#!/bin/sh
if command -v nginx >/dev/null 2>&1; then exit 0; fi
command -v apt-get >/dev/null 2>&1 || {
  echo 'this machine has neither nginx nor apt-get to install it with' >&2
  exit 1
}
# Debian's service would take port 80; the site needs none of it.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get -q -y -o DPkg::Lock::Timeout=300 update
apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install nginx-light
