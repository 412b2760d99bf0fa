/** What the command's exit code says. Part of the interface: scripts branch on it. */
export const ExitCode = {
  /** Everything asked for was done. */
  ok: 0,
  /** It was tried and failed: a command ended with another status than 0, a cluster went to Error. */
  failed: 1,
  /** The command line is wrong: unknown option, unknown cluster or machine, unreadable file. */
  usage: 2,
  /** A machine could not be reached, or it is not known whether the command ran to its end. */
  unreachable: 3,
  /** The controller could not be reached or refused. */
  controller: 4,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export const exitCodesHelp = `
Exit codes:
  0  done
  1  it was tried and failed (a command ended with another status than 0, a cluster went to Error)
  2  wrong command line: unknown option, cluster or machine, unreadable file
  3  a machine could not be reached, or its outcome is not known (goes before 1)
  4  the controller could not be reached, or it refused
  130  ended by Ctrl-C`;
