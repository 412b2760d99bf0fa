/** The reason may be empty: it is what somebody else said. */
export function withReason(message: string, reason: string): string {
  return reason === '' ? message : `${message}: ${reason}`;
}
