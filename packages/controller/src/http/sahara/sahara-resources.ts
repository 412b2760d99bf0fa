import type { AccessMethod } from '@wadi/api';
import type { AccessCluster } from '../../access/access-settings.ts';
import type { ClusterProvisioning } from '../../clusters/cluster-provisioning.ts';
import type { Plugins } from '../../clusters/plugin.ts';
import type { Resource } from '../context.ts';
import { clusterTemplateRoutes } from './cluster-templates.ts';
import { clusterRoutes } from './clusters.ts';
import { flavorRoutes } from './flavors.ts';
import { imageRoutes } from './images.ts';
import { checkMicroversion } from './microversion.ts';
import { nodeGroupTemplateRoutes } from './node-group-templates.ts';
import { pluginRoutes } from './plugins.ts';
import { addVersion1 } from './version-1.ts';

export interface SaharaOptions {
  readonly plugins: Plugins;
  readonly provisioning: ClusterProvisioning;
  /** Where clusters are made; null: nowhere, there are only imported ones. */
  readonly defaultCloud: string | null;
  /** How a cluster is reached that does not say it itself. */
  methodOf(cluster: AccessCluster): AccessMethod;
  /** Why no machine of a cluster with these settings could be reached; null: nothing is known against it. */
  problemOf(cluster: AccessCluster): string | null;
}

/** Sahara's own resources, version 2 and with it 1.1. */
export function saharaResources(options: SaharaOptions): Resource {
  return (app, context) => {
    addVersion1(app);
    checkMicroversion(app);
    pluginRoutes(app, context.db, options.plugins);
    imageRoutes(app, context, options);
    flavorRoutes(app, context, options);
    nodeGroupTemplateRoutes(app, context, options);
    clusterTemplateRoutes(app, context, options);
    clusterRoutes(app, context, options);
  };
}
