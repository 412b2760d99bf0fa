import { stepProgram } from '../plugins/step-program.ts';

export interface WantedVolumes {
  readonly count: number;
  /** GiB of each. */
  readonly size: number;
  /** Absolute path; the first is mounted at PREFIX1. */
  readonly prefix: string;
  /** Who works with them. */
  readonly owner: string;
}

/**
 * For a machine's shell, as root. Makes a file system on disks of that size that have nothing on them, no signature of any
 * kind, no partition and no user, and mounts each by its UUID, also at the next start. What was done before is found by the label
 * of the file system and not done again; whatever else is on a disk is left as it is.
 */
export function mountProgram({ count, size, prefix, owner }: WantedVolumes): string {
  const variables = { COUNT: String(count), SIZE: String(size), PREFIX: prefix, OWNER: owner };
  return stepProgram(variables, script);
}

const script = `LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
for tool in lsblk blkid wipefs mkfs.ext4 mountpoint mount; do
  command -v "$tool" >/dev/null || {
    echo "there is no $tool on this machine: take an image with util-linux and e2fsprogs" >&2
    exit 1
  }
done

# Somebody works with it, or it was somebody's: anything but an answer that there is nothing means that.
is_blank() {
  [ -z "$(lsblk -nro MOUNTPOINT "$1" | tr -d '\\n ')" ] || return 1
  [ "$(lsblk -nro NAME "$1" | wc -l)" = 1 ] || return 1
  found=$(wipefs -n "$1") && [ -z "$found" ] || return 1
  code=0
  blkid -p "$1" >/dev/null 2>&1 || code=$?
  [ "$code" = 2 ]
}

blank_disks() {
  least=$((SIZE * 1073741824))
  lsblk -dnbpro NAME,TYPE,SIZE,RO 2>/dev/null | sort | while read -r name type bytes read_only; do
    [ "$type" = disk ] && [ "$read_only" = 0 ] || continue
    [ "$bytes" -ge "$least" ] && [ "$bytes" -lt $((least + 1073741824)) ] || continue
    ! is_blank "$name" || echo "$name"
  done
}

with_label() { blkid -c /dev/null -o device -t "LABEL=$1" | head -n 1; }

number=0
while [ "$number" -lt "$COUNT" ]; do
  number=$((number + 1))
  label=wadi-volume-$number
  where=$PREFIX$number
  device=$(with_label "$label") || true
  tries=0
  while [ -z "$device" ]; do
    device=$(blank_disks | head -n 1)
    [ -z "$device" ] || break
    tries=$((tries + 1))
    if [ "$tries" -gt 5 ]; then
      echo "there is no disk of $SIZE GiB with nothing on it for $where, which is the volume $number of $COUNT:" >&2
      lsblk -o NAME,TYPE,SIZE,RO,FSTYPE,LABEL,MOUNTPOINT 2>&1 | head -n 7 >&2
      exit 1
    fi
    sleep 1
  done
  if [ "$(blkid -c /dev/null -o value -s LABEL "$device" || true)" != "$label" ]; then
    said=$(mkfs.ext4 -q -L "$label" "$device" 2>&1 </dev/null) || {
      echo "$device: no file system could be made on it: $said" >&2
      exit 1
    }
  fi
  uuid=$(blkid -c /dev/null -o value -s UUID "$device")
  [ -n "$uuid" ] || { echo "$device: its file system has no UUID" >&2; exit 1; }
  mkdir -p "$where"
  # It starts without them where one is gone.
  grep -q "^UUID=$uuid " /etc/fstab 2>/dev/null || echo "UUID=$uuid $where ext4 defaults,noatime,nofail 0 2" >>/etc/fstab
  if ! mountpoint -q "$where"; then
    said=$(mount "$device" "$where" 2>&1) || {
      echo "$device: it could not be mounted at $where: $said" >&2
      exit 1
    }
  fi
  chown "$OWNER:" "$where"
done`;
