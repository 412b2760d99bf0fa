import {
  ClusterExplanationAnswer,
  ExplainQuery,
  InstanceExplanationAnswer,
  InstanceVerdictAnswer,
} from '@wadi/api';
import { documented } from '../openapi/operation.ts';

const cluster = 'Id of the cluster.';
const ofInstance = { cluster, instance: 'Name or id of the machine.' };
const description =
  'It opens connections of its own, logs in, runs `true`, and changes nothing: host keys are verified and none is pinned. ' +
  'A changed verdict is an event, `instance.unreachable` or `instance.reachable`.';

export const explainOperations = {
  instance: documented({
    name: 'explainInstance',
    summary: 'Walks every route to a machine hop by hop, and says what fails, where, and what to do.',
    description,
    params: ofInstance,
    query: ExplainQuery,
    answers: { 200: InstanceExplanationAnswer },
    refusals: [503],
  }),
  lastOfInstance: documented({
    name: 'getInstanceVerdict',
    summary: 'What was found of a machine when somebody last looked; dials nothing.',
    params: ofInstance,
    answers: { 200: InstanceVerdictAnswer },
  }),
  cluster: documented({
    name: 'explainCluster',
    summary: 'Looks at all machines of a cluster at once; those that fail for one reason are one problem.',
    description,
    params: { cluster },
    query: ExplainQuery,
    answers: { 200: ClusterExplanationAnswer },
    refusals: [503],
  }),
  lastOfCluster: documented({
    name: 'getClusterVerdicts',
    summary: 'What was found of all machines when somebody last looked; dials nothing.',
    params: { cluster },
    answers: { 200: ClusterExplanationAnswer },
  }),
};
