import { RunAnswer, RunList, RunListQuery, RunOutputQuery, RunQuery, RunRequest } from '@wadi/api';
import { Type } from 'typebox';
import { documented } from '../openapi/operation.ts';

const cluster = 'Id of the cluster.';
const params = { cluster, run: 'Id of the run.' };

export const runOperations = {
  create: documented({
    name: 'createRun',
    summary: 'Begins to run a command on machines of a cluster.',
    description:
      'On each machine it runs once or not at all, whatever fails on the way. As root it needs the right `root`.',
    params: { cluster },
    body: RunRequest,
    answers: { 202: RunAnswer },
    refusals: [409],
  }),
  list: documented({
    name: 'listRuns',
    summary: 'Runs on a cluster, newest first.',
    params: { cluster },
    query: RunListQuery,
    answers: { 200: RunList },
  }),
  get: documented({
    name: 'getRun',
    summary: 'One run and how far it is on each machine.',
    params,
    query: RunQuery,
    answers: { 200: RunAnswer },
  }),
  cancel: documented({
    name: 'cancelRun',
    summary: 'Ends what still runs.',
    params,
    answers: { 202: RunAnswer },
    refusals: [409],
  }),
  output: documented({
    name: 'getRunOutput',
    summary: 'What a command wrote on one machine, from an offset on.',
    params,
    query: RunOutputQuery,
    answers: {
      200: {
        mediaType: 'application/octet-stream',
        description: 'The bytes as they were written, 1 MiB at most.',
        headers: {
          'Wadi-Next-Offset': Type.Integer({ description: 'Where to go on.' }),
          'Wadi-End': Type.Boolean({ description: 'Nothing will follow.' }),
        },
      },
    },
  }),
};
