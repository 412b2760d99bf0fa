import type { Run, RunTarget } from '@wadi/api';
import type { WadiClient } from '@wadi/client';

export type StreamName = 'stdout' | 'stderr';
export type OnOutput = (target: RunTarget, stream: StreamName, bytes: Uint8Array) => Promise<void>;

/** Streams read at the same time. */
const parallel = 8;
/** About 20 s: a controller that starts again is waited for. */
const tries = 12;

/**
 * Passes on what the machines write while it is written, and returns the run at its end. Asks for the run, then for
 * the output of machines that still work or have written more than was read; the quieter they are, the less often.
 */
export async function followRun(client: WadiClient, started: Run, onOutput: OnOutput): Promise<Run> {
  const places = new Map<string, Place>();
  let wait = 0.1;
  for (let run = started; ; ) {
    const over = run.status !== 'running';
    const news = await fetchNews(client, run, places, onOutput);
    if (over) return run;
    wait = news ? 0.1 : Math.min(1, wait * 2);
    run = await client.runs.get(run.cluster_id, run.id, { wait, tries });
  }
}

interface Place {
  offset: number;
  end: boolean;
}

async function fetchNews(client: WadiClient, run: Run, places: Map<string, Place>, onOutput: OnOutput) {
  const streams = run.targets.flatMap((target) =>
    (['stdout', 'stderr'] as const).map((stream) => ({ target, stream })),
  );
  const behind = streams.filter(({ target, stream }) => {
    const place = placeOf(places, target, stream);
    return !place.end && (target.status === 'running' || target[`${stream}_bytes`] > place.offset);
  });
  let news = false;
  const worker = async () => {
    for (let next = behind.shift(); next; next = behind.shift()) {
      const place = placeOf(places, next.target, next.stream);
      const read = await readToEnd(client, run, next.target, next.stream, place, onOutput);
      news ||= read;
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return news;
}

async function readToEnd(
  client: WadiClient,
  run: Run,
  target: RunTarget,
  stream: StreamName,
  place: Place,
  onOutput: OnOutput,
): Promise<boolean> {
  let news = false;
  for (;;) {
    const source = { instance: target.instance_id, stream, offset: place.offset };
    const page = await client.runs.outputPage(run.cluster_id, run.id, source, { tries });
    place.offset = page.nextOffset;
    place.end = page.end;
    if (page.bytes.length === 0) return news;
    news = true;
    await onOutput(target, stream, page.bytes);
    if (page.end) return news;
  }
}

function placeOf(places: Map<string, Place>, target: RunTarget, stream: StreamName): Place {
  const key = `${target.instance_id} ${stream}`;
  const place = places.get(key) ?? { offset: 0, end: false };
  places.set(key, place);
  return place;
}
