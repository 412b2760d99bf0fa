#!/bin/sh
base=$HOME/.wadi-spark
home=${SPARK_HOME_SET:-$base/home}
mkdir -p "$base"
if [ -z "$TARBALL" ]; then
  [ -x "$home/sbin/start-$WADI_PROCESS.sh" ] && exit 0
  echo "there is no Spark at $home: use an image that has it, or give its tarball" >&2
  exit 1
fi
wanted="$TARBALL $TARBALL_SHA512"
if [ -x "$home/sbin/start-$WADI_PROCESS.sh" ] && [ "$(cat "$base/source" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
case $TARBALL in
  http://* | https://*)
    if [ -z "$TARBALL_SHA512" ] && [ "${TARBALL#http://}" != "$TARBALL" ]; then
      echo 'a tarball that comes over http needs its SHA-512' >&2
      exit 1
    fi
    file=$base/spark.tgz
    if command -v curl >/dev/null 2>&1; then
      curl -fsSL --retry 3 -o "$file.new" -- "$TARBALL"
    elif command -v wget >/dev/null 2>&1; then
      wget -q -O "$file.new" -- "$TARBALL"
    else
      echo 'this machine has neither curl nor wget' >&2
      exit 1
    fi
    mv "$file.new" "$file"
    ;;
  /*) file=$TARBALL ;;
  *)
    echo 'Tarball is neither a URL nor the full path of a file' >&2
    exit 1
    ;;
esac
if [ -n "$TARBALL_SHA512" ]; then
  found=$(sha512sum <"$file" | cut -d ' ' -f 1)
  if [ "$found" != "$TARBALL_SHA512" ]; then
    echo "the tarball has the SHA-512 $found, not the one given" >&2
    exit 1
  fi
fi
rm -rf "$home.new"
mkdir -p "$home.new"
# What the archive calls its one folder depends on the version.
gzip -dc <"$file" | tar -xf - -C "$home.new"
set -- "$home.new"/*
if [ $# -ne 1 ] || [ ! -x "$1/sbin/start-$WADI_PROCESS.sh" ]; then
  echo 'this is no tarball of Spark: sbin/ is not in its one folder' >&2
  exit 1
fi
rm -rf "$home"
mv "$1" "$home"
rm -rf "$home.new"
printf '%s\n' "$wanted" >"$base/source"
