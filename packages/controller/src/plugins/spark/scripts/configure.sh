#!/bin/sh
base=$HOME/.wadi-spark
home=${SPARK_HOME_SET:-$base/home}
masters=$(wadi_machines master | grep -c . || true)
if [ "$masters" -ne 1 ]; then
  echo "the cluster has $masters masters: it needs exactly one" >&2
  exit 1
fi
master=$(wadi_machines master | cut -d ' ' -f 2)
mkdir -p "$base/conf" "$base/logs" "$base/pids" "$base/work"
{
  printf 'SPARK_HOME=%s\n' "'$home'"
  printf 'SPARK_CONF_DIR=%s\n' "'$base/conf'"
  printf 'SPARK_LOG_DIR=%s\n' "'$base/logs'"
  printf 'SPARK_PID_DIR=%s\n' "'$base/pids'"
  printf 'SPARK_WORKER_DIR=%s\n' "'$base/work'"
  printf 'SPARK_LOCAL_IP=%s\n' "$WADI_IP"
  printf 'SPARK_MASTER_HOST=%s\n' "$master"
  printf 'SPARK_MASTER_PORT=%s\n' "$MASTER_PORT"
  printf 'SPARK_MASTER_WEBUI_PORT=%s\n' "$MASTER_WEB_PORT"
  printf 'SPARK_WORKER_WEBUI_PORT=%s\n' "$WORKER_WEB_PORT"
  if [ "$WORKER_CORES" -gt 0 ]; then printf 'SPARK_WORKER_CORES=%s\n' "$WORKER_CORES"; fi
  if [ "$WORKER_MEMORY" -gt 0 ]; then printf 'SPARK_WORKER_MEMORY=%sm\n' "$WORKER_MEMORY"; fi
} >"$base/conf/spark-env.sh.new"
if cmp -s "$base/conf/spark-env.sh.new" "$base/conf/spark-env.sh"; then
  rm "$base/conf/spark-env.sh.new"
else
  mv "$base/conf/spark-env.sh.new" "$base/conf/spark-env.sh"
  : >"$base/changed-$WADI_PROCESS"
fi
