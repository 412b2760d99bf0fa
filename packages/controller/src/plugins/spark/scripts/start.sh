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
if running && [ -f "$base/changed-$WADI_PROCESS" ]; then
  "$SPARK_HOME/sbin/stop-$WADI_PROCESS.sh"
fi
if ! running; then
  case $WADI_PROCESS in
    master) "$SPARK_HOME/sbin/start-master.sh" ;;
    worker) "$SPARK_HOME/sbin/start-worker.sh" "spark://$SPARK_MASTER_HOST:$SPARK_MASTER_PORT" ;;
  esac
fi
rm -f "$base/changed-$WADI_PROCESS"
