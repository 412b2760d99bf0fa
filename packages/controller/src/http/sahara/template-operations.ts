import {
  ClusterTemplateAnswer,
  ClusterTemplateCreate,
  ClusterTemplateExport,
  ClusterTemplateList,
  ClusterTemplateUpdate,
  ListQuery,
  NodeGroupTemplateAnswer,
  NodeGroupTemplateCreate,
  NodeGroupTemplateExport,
  NodeGroupTemplateList,
  NodeGroupTemplateUpdate,
} from '@wadi/api';
import { documented } from '../openapi/operation.ts';

const params = { id: 'Id of the template.' };

export const nodeGroupTemplateOperations = {
  list: documented({
    name: 'listNodeGroupTemplates',
    summary: 'Node group templates of the project, and public ones.',
    query: ListQuery,
    answers: { 200: NodeGroupTemplateList },
  }),
  create: documented({
    name: 'createNodeGroupTemplate',
    summary: 'Describes a kind of machine.',
    body: NodeGroupTemplateCreate,
    answers: { 202: NodeGroupTemplateAnswer },
  }),
  get: documented({
    name: 'getNodeGroupTemplate',
    summary: 'One node group template.',
    params,
    answers: { 200: NodeGroupTemplateAnswer },
  }),
  export: documented({
    name: 'exportNodeGroupTemplate',
    summary: 'One node group template, to be created elsewhere.',
    params,
    answers: { 200: NodeGroupTemplateExport },
  }),
  update: documented({
    name: 'updateNodeGroupTemplate',
    summary: 'Changes a node group template that no cluster uses.',
    params,
    body: NodeGroupTemplateUpdate,
    answers: { 202: NodeGroupTemplateAnswer },
  }),
  delete: documented({
    name: 'deleteNodeGroupTemplate',
    summary: 'Removes a node group template that nothing uses.',
    params,
    answers: { 204: 'nothing' },
  }),
};

export const clusterTemplateOperations = {
  list: documented({
    name: 'listClusterTemplates',
    summary: 'Cluster templates of the project, and public ones.',
    query: ListQuery,
    answers: { 200: ClusterTemplateList },
  }),
  create: documented({
    name: 'createClusterTemplate',
    summary: 'Describes a kind of cluster.',
    body: ClusterTemplateCreate,
    answers: { 202: ClusterTemplateAnswer },
  }),
  get: documented({
    name: 'getClusterTemplate',
    summary: 'One cluster template.',
    params,
    answers: { 200: ClusterTemplateAnswer },
  }),
  export: documented({
    name: 'exportClusterTemplate',
    summary: 'One cluster template, to be created elsewhere.',
    params,
    answers: { 200: ClusterTemplateExport },
  }),
  update: documented({
    name: 'updateClusterTemplate',
    summary: 'Changes a cluster template that no cluster uses.',
    params,
    body: ClusterTemplateUpdate,
    answers: { 202: ClusterTemplateAnswer },
  }),
  delete: documented({
    name: 'deleteClusterTemplate',
    summary: 'Removes a cluster template that no cluster uses.',
    params,
    answers: { 204: 'nothing' },
  }),
};
