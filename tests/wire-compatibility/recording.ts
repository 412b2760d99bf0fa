import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's own copy. */
export const ownRecording = fileURLToPath(new URL('./recorded/', import.meta.url));

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A string is sent as it is, all else as JSON. */
  readonly body: unknown;
}

export interface Recorded {
  readonly name: string;
  readonly request: Request;
  /** Ids that the recorded server gave to what this request made. */
  readonly creates?: readonly string[];
  readonly response?: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
}

/** Every request in the order of the recording; those whose answers were kept have a response. */
export function readRecording(folder = ownRecording): Recorded[] {
  const read = (file: string) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as unknown;
  const answers = new Map(
    readdirSync(folder)
      .filter((file) => file.endsWith('.json') && !file.startsWith('_'))
      .map((file) => [file.replace(/\.json$/, ''), read(file) as Recorded]),
  );
  return (read('_sequence.json') as Recorded[]).map((entry) => {
    const response = answers.get(entry.name)?.response;
    return response ? { ...entry, response } : entry;
  });
}
