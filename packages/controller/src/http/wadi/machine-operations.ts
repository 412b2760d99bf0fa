import {
  ClusterAnswer,
  ClusterEventList,
  ClusterEventQuery,
  ImportRequest,
  InstanceList,
  InventoryMachineList,
  KeyRotationAnswer,
  KeyRotationList,
  KeyRotationRequest,
  MachinesRequest,
  ProxyAnswer,
  ProxyDrain,
  ProxyList,
  ProxyPromotion,
} from '@wadi/api';
import { documented } from '../openapi/operation.ts';

const cluster = 'Id of the cluster.';

const ofProxy = { cluster, proxy: 'Name or id of the machine.' };

const http = {
  summary: "A request to a machine's web server, through whatever hops lie between.",
  description:
    "Status, headers and body are the machine's own, but for cookies, and for `Content-Security-Policy: sandbox`, which " +
    'tells them from answers of the controller.',
  params: { cluster, instance: 'Name or id of the machine.', port: '1 to 65535.', path: 'Slashes and all.' },
  body: { mediaType: '*/*', description: 'Passed on as it is.' },
  answers: { 200: { mediaType: '*/*', description: 'Whatever the machine says, whatever its status.' } },
  refusals: [502, 504],
};

export const machineOperations = {
  import: documented({
    name: 'importCluster',
    summary: 'Machines that exist already become a cluster; nothing on them is changed.',
    body: ImportRequest,
    answers: { 202: ClusterAnswer },
  }),
  pool: documented({
    name: 'listMachines',
    summary: 'The machines that an imported cluster has, and those that it may take when it grows.',
    params: { cluster },
    answers: { 200: InventoryMachineList },
  }),
  add: documented({
    name: 'addMachines',
    summary: 'Further machines that an imported cluster may take when it grows; nothing on them is changed.',
    params: { cluster },
    body: MachinesRequest,
    answers: { 201: InventoryMachineList },
  }),
  forget: documented({
    name: 'forgetMachine',
    summary: 'A machine that is not in use is none of the cluster any more.',
    params: { cluster, name: 'Name of the machine.' },
    answers: { 204: 'nothing' },
    refusals: [409],
  }),
  list: documented({
    name: 'listInstances',
    summary: 'Machines of a cluster, and the way to each.',
    params: { cluster },
    answers: { 200: InstanceList },
  }),
  proxies: documented({
    name: 'listProxies',
    summary: 'Proxies of a cluster, and how each is, as this controller knows it from what went through it.',
    params: { cluster },
    answers: { 200: ProxyList },
  }),
  drain: documented({
    name: 'drainProxy',
    summary: 'Takes a proxy out of use without losing anything.',
    description:
      'Nothing new goes through it, runs go on through another one, and what else is open has until the deadline to end. ' +
      'Then no connection to it is left, and none is opened but for work on the machine itself.',
    params: ofProxy,
    body: ProxyDrain,
    answers: { 202: ProxyAnswer },
    refusals: [409],
  }),
  readmit: documented({
    name: 'readmitProxy',
    summary: 'Takes a machine that was drained or fenced into use again, as its node group has it.',
    params: ofProxy,
    answers: { 200: ProxyAnswer },
    refusals: [409],
  }),
  promote: documented({
    name: 'promoteMachine',
    summary: 'Makes a machine a proxy, when the controller can log in to it and to others through it.',
    params: ofProxy,
    body: ProxyPromotion,
    answers: { 200: ProxyAnswer },
    refusals: [409],
  }),
  rotations: documented({
    name: 'listKeyRotations',
    summary: "What became of each replacement of a cluster's keys, the newest first.",
    params: { cluster },
    answers: { 200: KeyRotationList },
  }),
  rotation: documented({
    name: 'showKeyRotation',
    summary: "How far a replacement of a cluster's keys is on each machine.",
    params: { cluster, rotation: 'Its id.' },
    answers: { 200: KeyRotationAnswer },
  }),
  rotate: documented({
    name: 'rotateKeys',
    summary: 'Replaces keys of a cluster by new ones while everything runs on.',
    description:
      'On each machine the old key stays valid until the new one was seen to work. Machines that cannot be reached are tried ' +
      'again until it is done on all of them. Asked for again before that, it is the same one, which goes on at once.',
    params: { cluster },
    body: KeyRotationRequest,
    answers: { 202: KeyRotationAnswer },
    refusals: [409],
  }),
  events: documented({
    name: 'listClusterEvents',
    summary: 'What happened in a cluster, in order; also of one that is gone.',
    params: { cluster },
    query: ClusterEventQuery,
    answers: { 200: ClusterEventList },
  }),
  http: documented({ ...http, name: 'http{method}' }),
  httpPath: documented({ ...http, name: 'http{method}Path' }),
};
