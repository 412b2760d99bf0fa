import { PortQuery, ShellQuery } from '@wadi/api';
import { documented } from '../openapi/operation.ts';

const instance = { cluster: 'Id of the cluster.', instance: 'Name or id of the machine.' };

export const streamOperations = {
  port: documented({
    name: 'openPort',
    summary: 'A connection to a port of a machine, in a WebSocket.',
    description:
      'Binary messages, of 256 KiB at most, are the bytes. The text message `{"type":"eof"}` ends one direction. A machine or a ' +
      'port that cannot be reached is refused before the WebSocket is there.',
    params: { ...instance, port: '1 to 65535.' },
    query: PortQuery,
    answers: { 101: 'nothing' },
    refusals: [426, 502, 504],
  }),
  shell: documented({
    name: 'openShell',
    summary: 'A terminal on a machine, in a WebSocket.',
    description:
      'Binary messages, of 256 KiB at most, are what is typed and what is shown. Text messages: `{"type":"resize","columns":80,' +
      '"rows":24}` from the caller; `{"type":"exit","status":0,"signal":null}` before the end; `{"type":"eof"}` at it. As root ' +
      'it needs the right `root`.',
    params: instance,
    query: ShellQuery,
    answers: { 101: 'nothing' },
    refusals: [426, 502, 504],
  }),
};
