import { quote } from '@wadi/indirect-access';

/**
 * Runs the program that comes in by stdin: neither it nor what it holds is ever an argument, an environment variable or a
 * file. Half of a program is not run. On each machine one at a time: the script of a controller that died may still
 * be at work when the next controller begins it again.
 */
export const stepRunner = `program=$(cat) || exit 125
case $program in
  *'# wadi: the end') ;;
  *) echo 'the script did not arrive whole' >&2; exit 125 ;;
esac
exec </dev/null
if command -v flock >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ]; then lock=/run/wadi; else lock=\${HOME:-/nonexistent}/.wadi; fi
  if { mkdir -p "$lock" && chmod 700 "$lock" && : >>"$lock/lock"; } 2>/dev/null; then
    exec 9>>"$lock/lock"
    flock -w 600 9 || { echo 'another script of a plugin does not end' >&2; exit 75; }
  fi
fi
(eval "$program") 9>&-`;

/**
 * Facts and parameters as assignments that a POSIX shell can read, then the script. The one place where values become
 * the text of a plugin's shell. Each name is unset first: one that the login had exported (`USER`, `LANG`) would stay
 * exported, and show its value to every child.
 */
export function stepProgram(variables: Readonly<Record<string, string>>, script: string): string {
  const assignments = Object.entries(variables).map(([name, value]) => {
    if (!/^[A-Z][A-Z0-9_]*$/.test(name)) throw new Error(`not a shell variable: ${name}`);
    return `unset ${name}; ${name}=${quote(value)}\n`;
  });
  return `set -eu\n${assignments.join('')}${prelude}${script}\n# wadi: the end\n`;
}

const prelude = `wadi_machines() {
  printf '%s\\n' "$WADI_MACHINES" | while read -r wadi_name wadi_ip wadi_group wadi_position wadi_index wadi_processes; do
    case ",$wadi_processes," in
      *",$1,"*) printf '%s %s %s %s %s\\n' "$wadi_name" "$wadi_ip" "$wadi_group" "$wadi_position" "$wadi_index" ;;
    esac
  done
}
`;
