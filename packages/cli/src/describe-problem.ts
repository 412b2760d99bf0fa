/** What went wrong on the way to a machine, as runs and refusals of the controller tell it. */
export interface WayProblem {
  readonly code: string;
  readonly hop: string | null;
  readonly phase: string | null;
  readonly message: string;
}

/** ` at proxy-0 (dial): 192.0.2.7 port 22: connection refused [CONNECTION_REFUSED]`; the machine's own name is left out. */
export function describeProblem({ code, hop, phase, message }: WayProblem, machine: string): string {
  const place = hop && hop !== machine ? ` at ${hop}` : '';
  return `${place}${phase ? ` (${phase})` : ''}: ${withoutName(message, hop ?? machine)} [${code}]`;
}

/** Messages begin with the hop's name, which was just said: `proxy-0: …`, `proxy-0 (address): …`. */
function withoutName(message: string, name: string): string {
  if (message.startsWith(`${name}: `)) return message.slice(name.length + 2);
  if (!message.startsWith(`${name} (`)) return message;
  return message.slice(name.length + 2).replace(/\): /, ': ');
}
