#!/bin/sh
base=$HOME/.wadi-spark
set -a
. "$base/conf/spark-env.sh"
set +a
case $WADI_PROCESS in
  master) class=org.apache.spark.deploy.master.Master ;;
  worker) class=org.apache.spark.deploy.worker.Worker ;;
esac
# Spark's own scripts name the file: spark-USER-CLASS-NUMBER.pid
running() {
  for file in "$SPARK_PID_DIR"/spark-*-"$class"-*.pid; do
    if [ -f "$file" ] && kill -0 "$(cat "$file")" 2>/dev/null; then return 0; fi
  done
  return 1
}
if running; then
  echo "$WADI_PROCESS runs"
else
  echo "$WADI_PROCESS does not run; its log is in $SPARK_LOG_DIR" >&2
  exit 1
fi
