import type { Secrets } from '../storage/secrets.ts';

/** What a run is fed with. Kept encrypted until the run has ended: either may hold secrets. */
export interface RunInput {
  readonly stdin: Buffer | null;
  readonly env: Readonly<Record<string, string>>;
}

export const runInputPurpose = 'run-input';

export function writeRunInput({ stdin, env }: RunInput): string {
  return JSON.stringify({ stdin: stdin?.toString('base64') ?? null, env });
}

export async function readRunInput(secrets: Secrets, id: string | null): Promise<RunInput> {
  if (id === null) return { stdin: null, env: {} };
  const stored = JSON.parse((await secrets.get(id)).toString('utf8')) as {
    stdin: string | null;
    env: Record<string, string>;
  };
  return { ...stored, stdin: stored.stdin === null ? null : Buffer.from(stored.stdin, 'base64') };
}
