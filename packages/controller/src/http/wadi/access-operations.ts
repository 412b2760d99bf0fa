import { AccessSettings, ClusterAccessAnswer } from '@wadi/api';
import { documented } from '../openapi/operation.ts';

const params = { cluster: 'Id of the cluster.' };

export const accessOperations = {
  get: documented({
    name: 'getClusterAccess',
    summary: 'How the controller reaches the machines of a cluster.',
    params,
    answers: { 200: ClusterAccessAnswer },
  }),
  set: documented({
    name: 'setClusterAccess',
    summary:
      'Changes how the controller reaches the machines of a cluster: what is left out is as the controller has it.',
    description: 'For what begins from now on; what is open stays open.',
    params,
    body: AccessSettings,
    answers: { 200: ClusterAccessAnswer },
  }),
};
