#!/bin/sh
base=$HOME/.wadi-spark
if [ ! -f "$base/conf/spark-env.sh" ]; then exit 0; fi
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
if running; then "$SPARK_HOME/sbin/stop-$WADI_PROCESS.sh"; fi
