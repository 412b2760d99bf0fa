import {
  ClusterAnswer,
  ClusterCreate,
  ClusterDelete,
  ClusterList,
  ClusterQuery,
  ClusterScale,
  ClustersAnswer,
  ClusterUpdate,
  ForcedDeletion,
  ListQuery,
} from '@wadi/api';
import { Type } from 'typebox';
import { documented } from '../openapi/operation.ts';

const params = { id: 'Id of the cluster.' };

export const clusterOperations = {
  list: documented({
    name: 'listClusters',
    summary: 'Clusters of the project, and public ones.',
    query: ListQuery,
    answers: { 200: ClusterList },
  }),
  create: documented({
    name: 'createCluster',
    summary: 'Begins to make a cluster, or as many as `count` says.',
    description: 'All that can be refused is refused here. The work goes on: see the status, or the events.',
    body: ClusterCreate,
    answers: { 202: Type.Union([ClusterAnswer, ClustersAnswer]) },
  }),
  get: documented({
    name: 'getCluster',
    summary: 'One cluster with its machines and the steps of the work on it.',
    params,
    query: ClusterQuery,
    answers: { 200: ClusterAnswer },
  }),
  update: documented({
    name: 'updateCluster',
    summary: 'Changes the name, words and rights of a cluster, or begins to verify it.',
    params,
    body: ClusterUpdate,
    answers: { 202: ClusterAnswer },
  }),
  scale: documented({
    name: 'scaleCluster',
    summary: 'Begins to add and remove machines of a cluster that is Active.',
    params,
    body: ClusterScale,
    answers: { 202: ClusterAnswer },
  }),
  delete: documented({
    name: 'deleteCluster',
    summary: 'Begins to delete a cluster with its machines.',
    params,
    body: ClusterDelete,
    answers: { 200: ForcedDeletion, 204: 'nothing' },
  }),
};
