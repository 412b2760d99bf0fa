#!/bin/sh
# Asks the server itself; one without a majority says that it does not serve.
answer=$(java -Xmx64m -cp /usr/share/java/zookeeper.jar org.apache.zookeeper.client.FourLetterWordMain \
  127.0.0.1 "$CLIENT_PORT" srvr 2>/dev/null) || true
mode=$(printf '%s\n' "$answer" | sed -n 's/^Mode: //p')
if [ -z "$mode" ]; then
  printf '%s\n' "${answer:-it does not answer on port $CLIENT_PORT}" | tail -n 1 >&2
  exit 1
fi
echo "it is $mode"
