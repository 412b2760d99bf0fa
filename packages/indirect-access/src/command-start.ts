import type { Readable } from 'node:stream';
import type { CommandText } from './command-text.ts';
import type { ExecChannel } from './engine/engine.ts';
import { AccessError } from './errors.ts';
import { withReason } from './with-reason.ts';

const MAX_NOISE = 64 * 1024;

type Markers = Pick<CommandText, 'marker' | 'shellMarker'>;

/** Resolves to the process group; rejects when the command was not started. */
export async function readStart(channel: ExecChannel, markers: Markers, asRoot: boolean): Promise<number> {
  return Number(await readAnnouncement(channel, markers, asRoot, /^[1-9]\d*$/));
}

/**
 * Reads both outputs up to the wrapper's markers and leaves everything after them in the streams. Resolves to what it
 * says behind the marker, which must be of the form `wanted`.
 */
export async function readAnnouncement(
  channel: ExecChannel,
  { marker, shellMarker }: Markers,
  asRoot: boolean,
  wanted: RegExp,
): Promise<string> {
  const [stdout, stderr] = await Promise.all([
    readLine(channel.stdout, `${marker} `),
    readLine(channel.stderr, marker),
  ]);
  if (stdout.found && stderr.found && wanted.test(stdout.rest)) return stdout.rest;
  const exit = await channel.exit;
  if (exit.lost) {
    throw new AccessError('the connection was lost while the command started', {
      code: 'CONNECTION_LOST',
      phase: 'command',
    });
  }
  const said = `${stderr.noise} ${stdout.noise}`.replaceAll(/[^\x20-\x7e]+/g, ' ');
  if (asRoot && stdout.noise.includes(shellMarker)) {
    throw new AccessError(withReason('sudo did not run the command', brief(said.replace(shellMarker, ''))), {
      code: 'SUDO_REFUSED',
      phase: 'command',
      hint: 'the login user needs a NOPASSWD rule in sudoers',
    });
  }
  throw new AccessError(withReason('the login shell did not run the command', brief(said)), {
    code: 'CHANNEL_REFUSED',
    phase: 'command',
    hint: 'the account has no usable shell (nologin or ForceCommand)',
  });
}

function brief(text: string): string {
  return text.trim().slice(0, 200);
}

interface Line {
  readonly found: boolean;
  readonly noise: string;
  readonly rest: string;
}

/** Takes everything up to the end of the line that holds `marker`; what follows goes back into the stream. */
function readLine(stream: Readable, marker: string): Promise<Line> {
  return new Promise((resolve) => {
    let heard = Buffer.alloc(0);
    const finish = (line: Line) => {
      stream.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', onEnd);
      resolve(line);
    };
    const onEnd = () => finish({ found: false, noise: heard.toString('latin1'), rest: '' });
    const onReadable = () => {
      for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) {
        heard = Buffer.concat([heard, chunk]);
        const start = heard.indexOf(marker);
        const end = start < 0 ? -1 : heard.indexOf(10, start);
        if (end >= 0) {
          if (end + 1 < heard.length) stream.unshift(heard.subarray(end + 1));
          const rest = heard.subarray(start + marker.length, end).toString('latin1');
          return finish({ found: true, noise: heard.subarray(0, start).toString('latin1'), rest });
        }
        // Noise may go on for ever; only its end can be the beginning of the marker line.
        if (heard.length > MAX_NOISE) heard = heard.subarray(-256);
      }
    };
    stream.on('readable', onReadable).on('end', onEnd).on('close', onEnd).on('error', onEnd);
    onReadable();
  });
}
