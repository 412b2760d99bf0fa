/** Where the machine dials. */
export interface AgentEndpointAddress {
  readonly host: string;
  readonly port: number;
  /** `type base64`. */
  readonly hostKey: string;
}

/** As known_hosts names a port that is not 22. */
function knownHost({ host, port }: AgentEndpointAddress): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** Nothing that a shell would take for more than a word; `host` is an address or a host name, `token` is ours. */
export function enrollLine(endpoint: AgentEndpointAddress, token: string): string {
  const { host, port, hostKey } = endpoint;
  const steps = [
    'd=/etc/wadi-agent',
    '[ -w /etc ] || d=$HOME/.wadi-agent',
    'umask 077',
    'mkdir -p "$d"',
    'cd "$d"',
    `printf "%s\\n" "${knownHost(endpoint)} ${hostKey}" >known_hosts`,
    '{ [ -f id ] || ssh-keygen -q -t ed25519 -N "" -C wadi-agent -f id; }',
    `ssh -T -F none ${options} -p ${port} enroll@${host} >agent.new`,
    'mv agent.new agent',
    'exec sh ./agent install',
  ];
  // The token goes by standard input: what is in an argument list, every user of the machine can read.
  return `printf '%s\\n' ${token} | sh -c '${steps.join(' && ').replace('&& [ -w', '; [ -w')}'`;
}

const options = [
  ...['-i id', '-o IdentitiesOnly=yes', '-o BatchMode=yes', '-o StrictHostKeyChecking=yes'],
  ...['-o UserKnownHostsFile=known_hosts', '-o GlobalKnownHostsFile=none', '-o ConnectTimeout=20'],
].join(' ');

/**
 * What the machine runs from then on: a loop around its own SSH client. It opens one forward, to its own sshd, which ends
 * in the controller's process and opens no port there.
 */
export function agentScript({ host, port }: AgentEndpointAddress, sshPort: number): string {
  return `#!/bin/sh
# Keeps a connection to Wadi open, through which Wadi reaches this machine's sshd and nothing else.
# To take it away: sh agent remove
here=$(cd "$(dirname "$0")" && pwd) || exit 1
cd "$here" || exit 1
unit=/etc/systemd/system/wadi-agent.service

run() {
  child=
  trap '[ -z "$child" ] || kill "$child"; exit 0' TERM INT HUP
  pause=1
  while :; do
    began=$(date +%s)
    ssh -N -T -F none ${options} \\
      -o ExitOnForwardFailure=yes -o ServerAliveInterval=10 -o ServerAliveCountMax=3 \\
      -R 127.0.0.1:1:127.0.0.1:${sshPort} -p ${port} agent@${host} </dev/null &
    child=$!
    wait "$child"
    child=
    [ $(($(date +%s) - began)) -lt 60 ] || pause=1
    # Half of it by chance: machines that were cut off together must not come back together.
    chance=$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')
    sleep $((pause / 2 + \${chance:-0} % (pause / 2 + 1) + 1)) &
    wait $!
    pause=$((pause * 2))
    [ $pause -le 60 ] || pause=60
  done
}

install() {
  if [ -d /run/systemd/system ] && [ -w /etc/systemd/system ]; then
    cat >"$unit" <<END
[Unit]
Description=Connection to Wadi
After=network-online.target
[Service]
ExecStart=/bin/sh $here/agent run
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
END
    systemctl daemon-reload && systemctl enable wadi-agent && systemctl restart wadi-agent && echo "wadi-agent: runs by systemd"
  elif [ -w /etc/inittab ]; then
    # BusyBox takes the first field for a terminal, and starts nothing without it.
    case $(readlink /proc/1/exe) in *busybox*) id= ;; *) id=wa ;; esac
    grep -q wadi-agent /etc/inittab || echo "$id:2345:respawn:/bin/sh $here/agent run" >>/etc/inittab
    kill -HUP 1 && echo "wadi-agent: runs by init"
  else
    start
    echo "wadi-agent: runs until the machine starts anew; let it start this: /bin/sh $here/agent run"
  fi
}

start() {
  [ ! -f pid ] || kill "$(cat pid)" 2>/dev/null
  if command -v setsid >/dev/null; then setsid sh ./agent run </dev/null >>log 2>&1 &
  else nohup sh ./agent run </dev/null >>log 2>&1 &
  fi
  echo $! >pid
}

remove() {
  [ ! -f "$unit" ] || { systemctl disable --now wadi-agent; rm -f "$unit"; }
  [ ! -w /etc/inittab ] || { grep -v wadi-agent /etc/inittab >inittab; cat inittab >/etc/inittab; kill -HUP 1; }
  [ ! -f pid ] || kill "$(cat pid)" 2>/dev/null
  rm -f id id.pub known_hosts agent log pid inittab
}

case "$1" in
  run | install | start | remove) "$1" ;;
  *) echo "usage: sh agent run|install|start|remove" >&2; exit 2 ;;
esac
`;
}
