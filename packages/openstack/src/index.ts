export type { NewVolume, Volume, VolumeFilter, VolumeLimits, VolumeType } from './block-storage/volumes.ts';
export type { Keypair } from './compute/keypairs.ts';
export type { ComputeLimits, Flavor } from './compute/offers.ts';
export type { BlockDevice, NewServer, Server, ServerFilter } from './compute/server.ts';
export type { ServerGroup, ServerGroupPolicy } from './compute/server-groups.ts';
export type * from './config/cloud-config.ts';
export { type LoadOptions, loadCloud } from './config/load-cloud.ts';
export * from './errors.ts';
export type { ApplicationCredential, NewApplicationCredential } from './identity/application-credentials.ts';
export type { ServiceType } from './identity/catalog.ts';
export type { Project, User } from './identity/directory.ts';
export type { Identity } from './identity/token.ts';
export type { NewTrust, Trust } from './identity/trusts.ts';
export type { Image, ImageFilter, NewImage } from './image/images.ts';
export type { FloatingIp, FloatingIpFilter, NewFloatingIp } from './network/floating-ips.ts';
export type {
  Network,
  NetworkFilter,
  NewNetwork,
  NewSubnet,
  Subnet,
  SubnetFilter,
} from './network/networks.ts';
export type { NewPort, Port, PortFilter } from './network/ports.ts';
export type { NetworkQuotas } from './network/quotas.ts';
export type { TagFilter } from './network/resource.ts';
export type { NewRouter, Router, RouterFilter } from './network/routers.ts';
export type {
  NewSecurityGroup,
  NewSecurityGroupRule,
  SecurityGroup,
  SecurityGroupFilter,
  SecurityGroupRule,
  SecurityGroupRuleFilter,
} from './network/security-groups.ts';
export { OpenStack, type OpenStackOptions } from './openstack.ts';
export { Secret } from './secret.ts';
export type { Query } from './service/base-url.ts';
export type { Microversion, VersionRange } from './service/microversion.ts';
export type { DeleteOptions, Service, ServiceRequest } from './service/service.ts';
export type { CallLimits, CallOptions } from './wire/call.ts';
