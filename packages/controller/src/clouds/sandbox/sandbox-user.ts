/** Whom the commands of sandbox machines run as. */
export interface SandboxUser {
  readonly uid: number;
  readonly gid: number;
}

/** The user that every Unix has and that owns nothing. */
const NOBODY: SandboxUser = { uid: 65534, gid: 65534 };

/**
 * Nobody when this process is root: commands come from users of the API, who must not become root by them.
 * Undefined otherwise: commands then run as whoever started this process, there is no one else to be.
 */
export function sandboxUser(): SandboxUser | undefined {
  return process.getuid?.() === 0 ? NOBODY : undefined;
}
