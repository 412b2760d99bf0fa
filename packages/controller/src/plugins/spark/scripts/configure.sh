#!/bin/sh
base=$HOME/.wadi-spark
home=${SPARK_HOME_SET:-$base/home}
masters=$(wadi_machines master | grep -c . || true)
if [ "$masters" -ne 1 ]; then
  echo "the cluster has $masters masters: it needs exactly one" >&2
  exit 1
fi
master=$(wadi_machines master | cut -d ' ' -f 2)
# The file is read by a shell: each value is one quoted word in it, whatever it holds.
assign() {
  printf "%s='%s'\n" "$1" "$(printf '%s' "$2" | sed "s/'/'\\\\''/g")"
}
mkdir -p "$base/conf" "$base/logs" "$base/pids" "$base/work"
{
  assign SPARK_HOME "$home"
  assign SPARK_CONF_DIR "$base/conf"
  assign SPARK_LOG_DIR "$base/logs"
  assign SPARK_PID_DIR "$base/pids"
  assign SPARK_WORKER_DIR "$base/work"
  assign SPARK_LOCAL_IP "$WADI_IP"
  assign SPARK_MASTER_HOST "$master"
  assign SPARK_MASTER_PORT "$MASTER_PORT"
  assign SPARK_MASTER_WEBUI_PORT "$MASTER_WEB_PORT"
  assign SPARK_WORKER_WEBUI_PORT "$WORKER_WEB_PORT"
  if [ "$WORKER_CORES" -gt 0 ]; then assign SPARK_WORKER_CORES "$WORKER_CORES"; fi
  if [ "$WORKER_MEMORY" -gt 0 ]; then assign SPARK_WORKER_MEMORY "${WORKER_MEMORY}m"; fi
} >"$base/conf/spark-env.sh.new"
if cmp -s "$base/conf/spark-env.sh.new" "$base/conf/spark-env.sh"; then
  rm "$base/conf/spark-env.sh.new"
else
  mv "$base/conf/spark-env.sh.new" "$base/conf/spark-env.sh"
  : >"$base/changed-$WADI_PROCESS"
fi
