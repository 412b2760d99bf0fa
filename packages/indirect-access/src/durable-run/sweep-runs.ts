import { AccessError } from '../errors.ts';
import type { Route } from '../route.ts';
import type { Sessions } from '../session.ts';

export interface SweepOptions {
  /** Days since the last sign of a run. */
  readonly olderThan: number;
  readonly asRoot?: boolean;
  readonly signal?: AbortSignal;
}

const script = `read -r boot </proc/sys/kernel/random/boot_id || boot=$(sysctl -n kern.boottime | tr -dc 0-9)
me=$(id -u)
if [ "$me" = 0 ]; then own=/var/lib/wadi/runs; else own=\${HOME:-/nonexistent}/.wadi/runs; fi
for base in "$own" /var/tmp/.wadi-$me /dev/shm/.wadi-$me; do
  # Anybody may have put a link there, and what it leads to may be ours.
  { [ -d "$base" ] && ! [ -L "$base" ] && [ -O "$base" ]; } || continue
  find "$base/." ! -name . -prune -type d -mtime +DAYS | while IFS= read -r run; do
    of= watcher=
    read -r of <"$run/boot"
    read -r watcher <"$run/supervisor"
    if [ "$of" = "\${boot:-none}" ] && [ -e "$run/begun" ] && ! [ -s "$run/status" ] && kill -0 "$watcher"; then continue; fi
    mv "$run" "$run.gone" && rm -rf "$run.gone"
  done
done`;

/** Removes what is left on a machine of runs that nobody asked for any more: whatever runs stays. */
export async function sweepRuns(
  sessions: Pick<Sessions, 'exec'>,
  route: Route,
  { olderThan, asRoot = false, signal }: SweepOptions,
): Promise<void> {
  if (!Number.isInteger(olderThan) || olderThan < 0)
    throw new AccessError('not a number of days', { code: 'INVALID_ARGUMENT', phase: 'command' });
  const text = `{ ${script.replace('DAYS', String(olderThan))}\n} 2>/dev/null`;
  await sessions.exec(route, text, { asRoot, timeout: 60_000, ...(signal ? { signal } : {}) });
}
