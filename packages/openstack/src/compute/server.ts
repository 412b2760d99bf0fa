import { type Static, Type } from 'typebox';

const NullableText = Type.Optional(Type.Union([Type.String(), Type.Null()]));

const Address = Type.Object({
  addr: Type.String(),
  version: Type.Integer(),
  /** `fixed` or `floating`. */
  'OS-EXT-IPS:type': Type.Optional(Type.String()),
  'OS-EXT-IPS-MAC:mac_addr': Type.Optional(Type.String()),
});

/** As Nova answers with microversion 2.26; fields have Nova's own names. */
export const Server = Type.Object({
  id: Type.String(),
  name: Type.String(),
  /** `BUILD`, `ACTIVE`, `SHUTOFF`, `ERROR`, … */
  status: Type.String(),
  tenant_id: Type.String(),
  created: Type.String(),
  updated: Type.String(),
  metadata: Type.Record(Type.String(), Type.String()),
  tags: Type.Array(Type.String()),
  flavor: Type.Object({ id: Type.String() }),
  /** Empty: it was started from a volume. */
  image: Type.Union([Type.Object({ id: Type.String() }), Type.Literal('')]),
  /** By the network's name; empty while it is built. */
  addresses: Type.Record(Type.String(), Type.Array(Address)),
  key_name: NullableText,
  /** Of a server in ERROR. */
  fault: Type.Optional(Type.Object({ code: Type.Integer(), message: Type.String() })),
  security_groups: Type.Optional(Type.Array(Type.Object({ name: Type.String() }))),
  'OS-EXT-AZ:availability_zone': NullableText,
  'OS-EXT-STS:task_state': NullableText,
  'OS-EXT-STS:vm_state': NullableText,
  /** 1: running, 4: off. */
  'OS-EXT-STS:power_state': Type.Optional(Type.Integer()),
  'os-extended-volumes:volumes_attached': Type.Optional(Type.Array(Type.Object({ id: Type.String() }))),
});
export type Server = Static<typeof Server>;

/** A disk to start from or to attach; Nova's `block_device_mapping_v2`. */
export interface BlockDevice {
  readonly source_type: 'image' | 'volume' | 'snapshot' | 'blank';
  readonly destination_type: 'volume' | 'local';
  /** 0: the server starts from it; -1: it does not. */
  readonly boot_index: number;
  readonly uuid?: string;
  /** GiB. */
  readonly volume_size?: number;
  /** Needs microversion 2.67. */
  readonly volume_type?: string;
  readonly delete_on_termination?: boolean;
}

export interface NewServer {
  readonly name: string;
  readonly flavorRef: string;
  /** Absent: it starts from a block device. */
  readonly imageRef?: string | undefined;
  readonly networks:
    | 'none'
    | 'auto'
    | readonly ({ readonly uuid: string; readonly fixed_ip?: string } | { readonly port: string })[];
  readonly key_name?: string | undefined;
  /** As cloud-init is to read it; encoded here. At most 49,149 bytes. */
  readonly user_data?: string | undefined;
  readonly config_drive?: boolean | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly tags?: readonly string[] | undefined;
  /** By name or id. Of a server with ports of its own, the ports' groups count. */
  readonly security_groups?: readonly { readonly name: string }[] | undefined;
  readonly availability_zone?: string | undefined;
  readonly block_device_mapping_v2?: readonly BlockDevice[] | undefined;
  /** `group`: the id of a server group. */
  readonly hints?: { readonly group?: string } & Readonly<Record<string, string | readonly string[]>>;
}

export interface ServerFilter {
  /** All of them. */
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** Exactly. */
  readonly name?: string;
  readonly status?: string;
}
