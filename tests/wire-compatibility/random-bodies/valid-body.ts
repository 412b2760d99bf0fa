import fc from 'fast-check';

/** What bodies may refer to; made before the first of them is sent. */
export interface References {
  readonly nodeGroupTemplate: string;
  readonly clusterTemplate: string;
}

/** Of the test cloud; the image is registered and has the plugin's tags. */
export const known = {
  image: '3b0a3b1e-7c7c-4d3b-8a56-0b6f7a1d0001',
  network: '5e1f0000-0000-4000-8000-000000000001',
  pool: '5e1f0000-0000-4000-8000-0000000000ff',
};

export type Body = Readonly<Record<string, unknown>>;

/** Some of the fields, each as often there as not; `always` those that must be. */
function body(
  always: Record<string, fc.Arbitrary<unknown>>,
  sometimes: Record<string, fc.Arbitrary<unknown>>,
) {
  return fc.record({ ...always, ...sometimes }, { requiredKeys: Object.keys(always) }) as fc.Arbitrary<Body>;
}

const orNull = (arbitrary: fc.Arbitrary<unknown>) => fc.option(arbitrary, { freq: 5 });
const flag = orNull(fc.boolean());
/** Everything but what no text of a database holds. */
const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((value) => !/\0|\p{Cs}/u.test(value));
/** Of names there is one each; what makes them different is put behind. */
export const nameStem = fc.stringMatching(/^[A-Za-z]([A-Za-z0-9-]{0,5}[A-Za-z0-9])?(\.[A-Za-z]{1,3})?$/);
const plugin = { plugin_name: fc.constant('fake'), plugin_version: fc.constant('0.1') };
const processes = fc.uniqueArray(fc.constantFrom('namenode', 'datanode', 'tasktracker', 'jobtracker'), {
  minLength: 1,
});

const configs = fc.record(
  {
    general: fc.record(
      {
        'Timeout for disk preparing': fc.integer({ min: 0, max: 1000 }),
        'Enable NTP service': fc.boolean(),
        'URL of NTP server': text,
      },
      { requiredKeys: [] },
    ),
    Kerberos: fc.record({ 'Realm Name': text }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);

const shares = fc.array(
  body({ id: fc.uuid() }, { path: orNull(fc.constant('/mnt')), access_level: fc.constantFrom('rw', 'ro') }),
  { maxLength: 2 },
);

const groupOptions = {
  image_id: orNull(fc.constant(known.image)),
  node_configs: orNull(configs),
  volume_mount_prefix: orNull(fc.constantFrom('/mnt', '/volumes/disk', '/a-b/C_d')),
  floating_ip_pool: orNull(fc.constant(known.pool)),
  security_groups: orNull(fc.array(fc.constant('default'), { maxLength: 1 })),
  auto_security_group: flag,
  availability_zone: orNull(fc.constant('nova')),
  volume_local_to_instance: flag,
  shares,
  use_autoconfig: flag,
};

/** Together or not at all: volumes without a size are refused. */
const volumes = fc.record({
  volumes_per_node: fc.integer({ min: 1, max: 2 }),
  volumes_size: fc.integer({ min: 1, max: 5 }),
  volume_type: orNull(fc.constant('lvm')),
  volumes_availability_zone: orNull(fc.constant('nova')),
});

/** Some with one of its two names, some with both. */
const proxyFlag = fc.oneof(
  fc.constant({}),
  fc.record({ is_proxy: flag }),
  fc.record({ is_proxy_gateway: flag }),
  fc.boolean().map((is) => ({ is_proxy: is, is_proxy_gateway: is })),
);

const joined = (...parts: fc.Arbitrary<Body>[]) =>
  fc.tuple(...parts).map((all): Body => Object.assign({}, ...all));

const templateOptions = {
  ...groupOptions,
  description: orNull(text),
  is_public: flag,
  is_protected: flag,
  boot_from_volume: fc.boolean(),
  boot_volume_type: text,
  boot_volume_availability_zone: text,
  boot_volume_local_to_instance: fc.boolean(),
};
const flavor = fc.constantFrom('1', '2', '3');
const templateParts = [
  fc.oneof(fc.constant({}), volumes) as fc.Arbitrary<Body>,
  proxyFlag as fc.Arbitrary<Body>,
] as const;

export const nodeGroupTemplate = joined(
  body({ name: nameStem, ...plugin, flavor_id: flavor, node_processes: processes }, templateOptions),
  ...templateParts,
);

export const nodeGroupTemplateChange = joined(
  body({}, { name: nameStem, flavor_id: flavor, node_processes: processes, ...templateOptions }),
  fc.oneof(fc.constant({}), fc.record(plugin)) as fc.Arbitrary<Body>,
  ...templateParts,
);

/** A node group by its template or with all of its own; `count` and what else the place of the group demands. */
function group(references: References, further: Record<string, fc.Arbitrary<unknown>>) {
  const own = joined(
    body({ name: nameStem, flavor_id: flavor, node_processes: processes, ...further }, groupOptions),
    fc.oneof(fc.constant({}), volumes) as fc.Arbitrary<Body>,
  );
  const byTemplate = body(
    {
      name: nameStem,
      node_group_template_id: fc.constantFrom(
        references.nodeGroupTemplate,
        references.nodeGroupTemplate.replaceAll('-', ''),
      ),
      ...further,
    },
    { flavor_id: flavor, ...groupOptions },
  );
  return fc.oneof(own, byTemplate);
}

/** With names of their own. */
function groups(one: fc.Arbitrary<Body>, size: { readonly minLength?: number; readonly maxLength: number }) {
  return fc
    .array(one, size)
    .map((all) => all.map((each, index): Body => ({ ...each, name: `${each.name}${'abc'[index]}` })));
}

const clusterOptions = {
  cluster_configs: orNull(configs),
  anti_affinity: orNull(processes),
  description: orNull(text),
  shares,
  use_autoconfig: flag,
  is_public: flag,
  is_protected: flag,
  domain_name: orNull(fc.constantFrom('example.org', 'a.b.c')),
};

const templateFields = (references: References) => ({
  ...clusterOptions,
  default_image_id: orNull(fc.constant(known.image)),
  neutron_management_network: orNull(fc.constant(known.network)),
  node_groups: orNull(
    groups(group(references, { count: fc.nat({ max: 40 }), is_proxy: flag }), { maxLength: 3 }),
  ),
});

export const clusterTemplate = (references: References) =>
  body({ name: nameStem, ...plugin }, templateFields(references));

export const clusterTemplateChange = (references: References) =>
  joined(
    body({}, { name: nameStem, ...templateFields(references) }),
    fc.oneof(fc.constant({}), fc.record(plugin)) as fc.Arbitrary<Body>,
  );

/** A group of few machines that are proxies, and one of few that are not, in any order; or none of both. */
const clusterGroups = (references: References) =>
  fc.oneof(
    fc.constant([]),
    fc
      .tuple(
        group(references, { count: fc.constant(1), is_proxy: fc.constant(true) }),
        group(references, { count: fc.nat({ max: 1 }), is_proxy: fc.constant(false) }),
        fc.boolean(),
      )
      .map(([proxy, other, first]) => (first ? [proxy, other] : [other, proxy]))
      .map((all) => all.map((each, index): Body => ({ ...each, name: `${each.name}${'ab'[index]}` }))),
  );

/** With groups of its own, or with those of its template. */
export const cluster = (references: References, further: Record<string, fc.Arbitrary<unknown>> = {}) =>
  joined(
    body(
      {
        ...{ name: nameStem, ...plugin, ...further },
        default_image_id: fc.constant(known.image),
        neutron_management_network: fc.constant(known.network),
      },
      {
        ...{ ...clusterOptions, is_transient: fc.boolean() },
        user_keypair_id: orNull(fc.constant('mykey')),
      },
    ),
    fc.oneof(
      fc.record({ node_groups: clusterGroups(references) }),
      fc.record({ cluster_template_id: fc.constant(references.clusterTemplate) }),
    ),
  );

export const clusterChange = body(
  {},
  {
    name: nameStem,
    description: orNull(text),
    is_public: flag,
    is_protected: flag,
    shares,
    update_keypair: fc.constantFrom(false, null),
  },
);

/** What a cluster looks like when it is to be scaled. */
export interface Scalable {
  readonly proxies: string;
  readonly others: readonly string[];
  /** Names of the machines of `others`, group by group. */
  readonly machines: readonly (readonly string[])[];
}

/** Any numbers from none to few, of proxies at least one; names of those that go; a further group. */
export function scaling(references: References, { proxies, others, machines }: Scalable) {
  const resizeProxies = fc.record({ name: fc.constant(proxies), count: fc.integer({ min: 1, max: 2 }) });
  const resizeOthers = others.map((name, index) =>
    fc.record({ count: fc.nat({ max: 2 }), named: fc.boolean() }).map(({ count, named }): Body => {
      const leaving = machines[index]?.slice(count) ?? [];
      return { name, count, ...(named && leaving.length > 0 && { instances: leaving }) };
    }),
  );
  const resizes = fc
    .tuple(resizeProxies as fc.Arbitrary<Body>, ...resizeOthers)
    .chain((all) => fc.shuffledSubarray(all, { minLength: 1 }));
  const added = groups(group(references, { count: fc.nat({ max: 1 }), is_proxy: fc.constant(false) }), {
    minLength: 1,
    maxLength: 1,
  });
  return fc.oneof(
    { arbitrary: fc.record({ resize_node_groups: resizes }), weight: 4 },
    { arbitrary: fc.record({ add_node_groups: added }), weight: 1 },
    { arbitrary: fc.record({ resize_node_groups: resizes, add_node_groups: added }), weight: 1 },
  ) as fc.Arbitrary<Body>;
}
