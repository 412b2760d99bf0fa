import type { ClusterAccess } from '../../access/cluster-access.ts';
import type { RunExecutor } from '../../access/run-executor.ts';
import type { Uploads } from '../../access/uploads.ts';
import type { Agents } from '../../agents/agents.ts';
import type { KeyKeeper } from '../../storage/keys/key-keeper.ts';
import type { Resource } from '../context.ts';
import { clusterAccess } from './access.ts';
import { adoptions } from './adoptions.ts';
import { audit } from './audit.ts';
import { doctor } from './doctor.ts';
import { enrollAgent } from './enroll-agent.ts';
import { clusterEvents } from './events.ts';
import { explain } from './explain.ts';
import { files } from './files.ts';
import { httpFetch } from './http-fetch.ts';
import { type ImportParts, importCluster } from './import.ts';
import { instances } from './instances.ts';
import { keyRotations } from './key-rotations.ts';
import { masterKeys } from './keys.ts';
import { machines } from './machines.ts';
import { ports } from './ports.ts';
import { projects } from './projects.ts';
import { proxies } from './proxies.ts';
import { proxyDuties } from './proxy-duties.ts';
import { runOutput } from './run-output.ts';
import { runs } from './runs.ts';
import { shell } from './shell.ts';
import { tokens } from './tokens.ts';
import { uploadPortions, uploads } from './uploads.ts';

export interface WadiResourceParts extends ImportParts {
  readonly access: ClusterAccess;
  readonly executor: RunExecutor;
  readonly uploads: Uploads;
  readonly controllerId: string;
  readonly keeper: KeyKeeper;
  /** Null: this controller takes none. */
  readonly agents: Agents | null;
}

/** Wadi's own resources, beside Sahara's. */
export function wadiResources(parts: WadiResourceParts): readonly Resource[] {
  return [
    importCluster(parts),
    adoptions(parts),
    machines(parts),
    clusterAccess(parts),
    enrollAgent(parts),
    instances(parts.access),
    proxies(parts.access),
    proxyDuties(parts.access),
    keyRotations(parts.provisioning),
    runs(parts),
    runOutput,
    uploads(parts),
    uploadPortions(parts),
    files(parts.access, parts.controllerId),
    httpFetch(parts.access, parts.controllerId),
    ports(parts.access, parts.controllerId),
    shell(parts.access, parts.controllerId),
    clusterEvents,
    explain(parts.access),
    tokens,
    projects,
    audit,
    masterKeys(parts.keeper),
    doctor,
  ];
}
