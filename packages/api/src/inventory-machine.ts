import { type Static, Type } from 'typebox';
import { HostKeyView } from './instance.ts';

/** A machine that an imported cluster has, or may take when it grows. */
export const InventoryMachine = Type.Object({
  name: Type.String(),
  node_group_name: Type.String({ description: 'The cluster may have no such node group yet.' }),
  is_proxy: Type.Boolean(),
  address: Type.String(),
  floating_ip: Type.Union([Type.String(), Type.Null()]),
  management_address: Type.Union([Type.String(), Type.Null()]),
  port: Type.Integer(),
  user: Type.String(),
  host_key: HostKeyView,
  state: Type.Union([
    Type.Literal('in use', { description: 'Part of the cluster, or about to be.' }),
    Type.Literal('spare', { description: 'Left alone until its node group grows.' }),
  ]),
  instance_id: Type.Union([Type.String({ format: 'uuid' }), Type.Null()]),
});
export type InventoryMachine = Static<typeof InventoryMachine>;

/** By node group, and in the order in which a node group takes them. */
export const InventoryMachineList = Type.Object({ machines: Type.Array(InventoryMachine) });
export type InventoryMachineList = Static<typeof InventoryMachineList>;
