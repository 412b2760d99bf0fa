import { Access } from './access.ts';
import { Adoptions } from './adoptions.ts';
import { Audit } from './audit.ts';
import { ClusterTemplates } from './cluster-templates.ts';
import { Clusters } from './clusters.ts';
import { Doctor } from './doctor.ts';
import { Events } from './events.ts';
import { Explanations } from './explanations.ts';
import { Files } from './files.ts';
import { Instances } from './instances.ts';
import { KeyRotations } from './key-rotations.ts';
import { Keys } from './keys.ts';
import { Machines } from './machines.ts';
import { NodeGroupTemplates } from './node-group-templates.ts';
import { Plugins } from './plugins.ts';
import { Ports } from './ports.ts';
import { Projects } from './projects.ts';
import { Proxies } from './proxies.ts';
import { Runs } from './runs.ts';
import { Sandbox } from './sandbox.ts';
import { Shells } from './shells.ts';
import { Tokens } from './tokens.ts';
import { Transport, type TransportOptions } from './transport.ts';

/**
 * Wadi's API, typed. Needs `fetch` and nothing else. Every failure is a WadiError; every call has a deadline and
 * takes an AbortSignal; a call is sent again after a lost connection only where that cannot do anything twice.
 *
 * ```ts
 * const client = new WadiClient({ url: 'http://127.0.0.1:8386', token });
 * const [cluster] = await client.clusters.list({ name: 'example' });
 * const run = await client.runs.create(cluster.id, { command: ['uname', '-s'] });
 * const { targets } = await client.runs.wait(cluster.id, run.id);
 * for (const { instance_name, status } of targets) console.log(instance_name, status);
 * ```
 */
export class WadiClient {
  readonly plugins: Plugins;
  readonly nodeGroupTemplates: NodeGroupTemplates;
  readonly clusterTemplates: ClusterTemplates;
  readonly clusters: Clusters;
  readonly instances: Instances;
  readonly proxies: Proxies;
  readonly machines: Machines;
  readonly access: Access;
  readonly runs: Runs;
  readonly files: Files;
  readonly ports: Ports;
  readonly shells: Shells;
  readonly events: Events;
  readonly explain: Explanations;
  readonly tokens: Tokens;
  readonly projects: Projects;
  readonly audit: Audit;
  readonly keys: Keys;
  readonly keyRotations: KeyRotations;
  readonly doctor: Doctor;
  readonly adoptions: Adoptions;
  readonly sandbox: Sandbox;

  constructor(options: TransportOptions) {
    const transport = new Transport(options);
    this.plugins = new Plugins(transport);
    this.nodeGroupTemplates = new NodeGroupTemplates(transport);
    this.clusterTemplates = new ClusterTemplates(transport);
    this.clusters = new Clusters(transport);
    this.instances = new Instances(transport);
    this.access = new Access(transport);
    this.proxies = new Proxies(transport);
    this.machines = new Machines(transport);
    this.runs = new Runs(transport);
    this.files = new Files(transport);
    this.ports = new Ports(transport);
    this.shells = new Shells(transport);
    this.events = new Events(transport);
    this.explain = new Explanations(transport);
    this.tokens = new Tokens(transport);
    this.projects = new Projects(transport);
    this.audit = new Audit(transport);
    this.keys = new Keys(transport);
    this.keyRotations = new KeyRotations(transport);
    this.doctor = new Doctor(transport);
    this.adoptions = new Adoptions(transport);
    this.sandbox = new Sandbox(transport);
  }
}
