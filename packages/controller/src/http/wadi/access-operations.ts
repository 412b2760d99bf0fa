import { AccessSettings, AgentEnrollmentAnswer, ClusterAccessAnswer } from '@wadi/api';
import { documented } from '../openapi/operation.ts';

const params = { cluster: 'Id of the cluster.' };

export const accessOperations = {
  enroll: documented({
    name: 'enrollAgent',
    summary:
      'A line that makes a machine dial in, from then on; good for one machine and a quarter of an hour.',
    params: { ...params, instance: 'Name or id of the machine.' },
    answers: { 201: AgentEnrollmentAnswer },
    refusals: [409],
  }),
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
