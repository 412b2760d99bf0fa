import { type Static, Type } from 'typebox';
import { orNull } from './field.ts';

/** A machine of the sandbox cloud, and what it counts. */
export const SandboxMachine = Type.Object({
  instance_id: Type.String(),
  name: Type.String(),
  cluster_id: Type.String(),
  is_proxy: Type.Boolean(),
  running: Type.Boolean(),
  address: Type.String(),
  port: orNull(Type.Integer({ description: 'On loopback; null: there is no way in but through a proxy.' })),
  forwarded_channels: Type.Integer(),
  open_channels: Type.Integer(),
  connections: Type.Integer(),
});
export type SandboxMachine = Static<typeof SandboxMachine>;

export const SandboxMachineAnswer = Type.Object({ machine: SandboxMachine });

export const SandboxMachineList = Type.Object({ machines: Type.Array(SandboxMachine) });
