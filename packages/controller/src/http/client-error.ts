import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { ApiError, errorBody } from './errors.ts';

/** Answers what does not get so far as to be a request, in the shape of every other error, and hangs up. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const { status, body } = answerTo(error);
  // In the middle of an answer it would be taken for a part of it.
  const { _httpMessage: answering } = socket as { _httpMessage?: { headersSent: boolean } };
  if (socket.writable && !answering?.headersSent)
    socket.write(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'Content-Type: application/json',
        `Content-Length: ${Buffer.byteLength(body)}`,
        'Connection: close',
        '',
        body,
      ].join('\r\n'),
    );
  socket.destroy(error);
}

function answerTo({ code }: NodeJS.ErrnoException): { status: number; body: string } {
  const told = (status: number, name: string, message: string, hint?: string) =>
    new ApiError(status, name, message, { idInMessage: false, ...(hint ? { hint } : {}) });
  const problem =
    code === 'HPE_HEADER_OVERFLOW'
      ? told(
          431,
          'REQUEST_TOO_LARGE',
          'The headers of the request are too large',
          'is the token the right one?',
        )
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? told(408, 'REQUEST_TIMEOUT', 'The request did not arrive in time')
        : told(400, 'BAD_REQUEST', 'This is no HTTP request');
  return { status: problem.status, body: JSON.stringify(errorBody(problem, randomUUID())) };
}
