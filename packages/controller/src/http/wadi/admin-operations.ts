import {
  AdoptionAnswer,
  AdoptionList,
  AdoptionRequest,
  AuditLine,
  AuditQuery,
  AuditVerdict,
  AuditVerifyQuery,
  DoctorAnswer,
  LeftoverRemoval,
  LeftoverRemovalAnswer,
  MasterKeyList,
  MasterKeyRotation,
  NewToken,
  ProjectAnswer,
  ProjectList,
  ProjectRequest,
  ProjectUpdate,
  TokenAnswer,
  TokenList,
  TokenRequest,
} from '@wadi/api';
import { documented } from '../openapi/operation.ts';

export const tokenOperations = {
  list: documented({
    name: 'listTokens',
    summary: 'Tokens of the project; for admins of the project `default` those of all.',
    answers: { 200: TokenList },
  }),
  create: documented({
    name: 'createToken',
    summary: 'Makes a token; its secret is told in this answer and never again.',
    body: TokenRequest,
    answers: { 201: NewToken },
    refusals: [404],
  }),
  revoke: documented({
    name: 'revokeToken',
    summary: 'The token counts no more; what it has open ends within a minute.',
    params: { id: 'Id of the token.' },
    answers: { 200: TokenAnswer },
  }),
};

export const projectOperations = {
  list: documented({
    name: 'listProjects',
    summary: 'The own project; for admins of the project `default` all of them.',
    answers: { 200: ProjectList },
  }),
  create: documented({
    name: 'createProject',
    summary: 'Makes a project.',
    body: ProjectRequest,
    answers: { 201: ProjectAnswer },
    refusals: [409],
  }),
  update: documented({
    name: 'updateProject',
    summary: 'Changes what a project grants its members.',
    params: { id: 'Id of the project.' },
    body: ProjectUpdate,
    answers: { 200: ProjectAnswer },
  }),
};

export const auditOperations = {
  export: documented({
    name: 'exportAudit',
    summary: 'Who reached what, oldest first.',
    query: AuditQuery,
    answers: {
      200: {
        mediaType: 'application/x-ndjson',
        description: 'A record on each line; after the last of a page ask for what is after its sequence.',
        schema: AuditLine,
      },
    },
    refusals: [404],
  }),
  verify: documented({
    name: 'verifyAudit',
    summary: 'Whether somebody changed the audit log.',
    query: AuditVerifyQuery,
    answers: { 200: AuditVerdict },
    refusals: [404],
  }),
};

export const keyOperations = {
  list: documented({
    name: 'listMasterKeys',
    summary: 'The master keys by their fingerprints, what each encrypts, and which controllers know them.',
    description: 'For admins of the project `default`.',
    answers: { 200: MasterKeyList },
  }),
  rotate: documented({
    name: 'rotateMasterKey',
    summary: 'Takes the next master key into use; all secrets are encrypted with it after the answer.',
    description:
      'For admins of the project `default`. Where keys come from a file, the next one is made and written into it; ' +
      'otherwise it is the first of the source. Refused unless every controller knows it.',
    body: MasterKeyRotation,
    answers: { 202: MasterKeyList },
    refusals: [409],
  }),
};

export const doctorOperations = {
  examine: documented({
    name: 'examine',
    summary:
      'What is left in the clouds of clusters that are gone, and delegations that end or count no more.',
    description: 'Of the own project; for admins of the project `default` of all of them. Changes nothing.',
    answers: { 200: DoctorAnswer },
  }),
  remove: documented({
    name: 'removeLeftovers',
    summary: 'Removes leftovers of this installation, machines first, and waits until they are gone.',
    description: 'What is no leftover, or is kept for a reason, stays and is told with the reason.',
    body: LeftoverRemoval,
    answers: { 200: LeftoverRemovalAnswer },
  }),
};

export const adoptionOperations = {
  list: documented({
    name: 'listAdoptions',
    summary: 'Clusters that were taken over from Sahara, and how far each is.',
    description: 'For admins of the whole installation.',
    answers: { 200: AdoptionList },
  }),
  get: documented({
    name: 'getAdoption',
    summary: 'How far the adoption of a cluster is.',
    description: 'For admins of the whole installation.',
    params: { cluster: 'Id of the cluster, which is the one that it has in Sahara.' },
    answers: { 200: AdoptionAnswer },
    refusals: [404],
  }),
  create: documented({
    name: 'adoptCluster',
    summary: 'A cluster that Sahara made becomes one of ours, under its ids; nothing is made anew.',
    description:
      'For admins of the whole installation. Host keys that are not given are read from the consoles, where the cloud of the ' +
      'machines is known here. One that failed is tried again when it is sent again.',
    body: AdoptionRequest,
    answers: { 202: AdoptionAnswer },
    refusals: [409],
  }),
};
