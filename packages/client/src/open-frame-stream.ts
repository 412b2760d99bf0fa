import { text } from 'node:stream/consumers';
import { FrameStream, type FrameStreamOptions, mostFrameBytes } from '@wadi/wire';
import { WebSocket } from 'ws';
import { errorFromAnswer } from './wadi-error.ts';

interface Limits extends Pick<FrameStreamOptions, 'onControl'> {
  /** For the opening. */
  readonly deadline: AbortSignal;
  /** Ends the stream, too. */
  readonly signal?: AbortSignal | undefined;
}

/** Rejects with a WadiError when the controller refused, with whatever else went wrong otherwise. */
export function openFrameStream(
  url: URL,
  headers: Readonly<Record<string, string>>,
  { deadline, signal, onControl }: Limits,
): Promise<FrameStream> {
  const target = new URL(url);
  target.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new Promise((resolve, reject) => {
    // A redirect must never carry the token to another place.
    const socket = new WebSocket(target, {
      headers,
      followRedirects: false,
      perMessageDeflate: false,
      maxPayload: mostFrameBytes,
    });
    const giveUp = () => {
      socket.terminate();
      reject(new Error('given up'));
    };
    const ends = signal ? [deadline, signal] : [deadline];
    for (const each of ends) each.addEventListener('abort', giveUp, { once: true });
    const settled = () => {
      for (const each of ends) each.removeEventListener('abort', giveUp);
    };
    socket.on('error', (error) => {
      settled();
      reject(error);
    });
    socket.once('unexpected-response', (_request, response) => {
      settled();
      text(response).then((body) => reject(errorFromAnswer(response.statusCode ?? 0, body)), reject);
    });
    socket.once('open', () => {
      settled();
      const stream = new FrameStream(socket, onControl ? { onControl } : {});
      if (signal) {
        const end = () => stream.destroy(new Error('given up'));
        signal.addEventListener('abort', end, { once: true });
        stream.once('close', () => signal.removeEventListener('abort', end));
      }
      resolve(stream);
    });
    if (ends.some(({ aborted }) => aborted)) giveUp();
  });
}
