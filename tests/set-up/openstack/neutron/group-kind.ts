import { neutron } from '../reply.ts';
import type { World } from '../world.ts';
import type { Kind } from './kind.ts';
import { newThing, type Rule, type SecurityGroup } from './neutron.ts';
import { describeRule } from './rule-kind.ts';

export function groupKind(world: World): Kind<SecurityGroup> {
  const { neutron: state } = world;
  return {
    path: 'security-groups',
    one: 'security_group',
    many: 'security_groups',
    things: state.groups,
    creatable: ['name', 'description', 'stateful'],
    changeable: ['name', 'description', 'stateful'],
    show: ({ id }) => ({
      shared: false,
      security_group_rules: [...state.rules.values()]
        .filter((rule) => rule.security_group_id === id)
        .map(describeRule),
    }),
    create(fields, project) {
      if (fields.name === 'default')
        throw neutron(409, 'SecurityGroupDefaultAlreadyExists', 'Default security group already exists.');
      return newGroup(world, project, fields.name, fields);
    },
    change(group, changes) {
      if (group.name === 'default' && 'name' in changes)
        throw neutron(
          409,
          'SecurityGroupCannotUpdateDefault',
          'Updating default security group not allowed.',
        );
      Object.assign(group, changes);
    },
    remove({ id, name }) {
      if ([...state.ports.values()].some(({ security_groups }) => security_groups.includes(id)))
        throw neutron(409, 'SecurityGroupInUse', `Security Group ${id} in use.`);
      if (name === 'default')
        throw neutron(
          409,
          'SecurityGroupCannotRemoveDefault',
          'Insufficient rights for removing default security group.',
        );
      for (const rule of state.rules.values())
        if (rule.security_group_id === id || rule.remote_group_id === id) state.rules.delete(rule.id);
    },
  };
}

/** Every project has one from its first moment, so that what a test compares does not depend on who asked first. */
export function addDefaultGroup(world: World, project: string): void {
  const group = newGroup(world, project, 'default', { description: 'Default security group' });
  world.neutron.groups.set(group.id, group);
  for (const ethertype of ['IPv4', 'IPv6']) addRule(world, group, 'ingress', ethertype, group.id);
}

/** With the rules that let everything out. */
function newGroup(
  world: World,
  project: string,
  name: string,
  fields: { description?: string; stateful?: boolean },
): SecurityGroup {
  const { description = '', stateful = true } = fields;
  const group = { ...newThing(project, { name, description }), stateful };
  for (const ethertype of ['IPv4', 'IPv6']) addRule(world, group, 'egress', ethertype, null);
  return group;
}

function addRule(
  { neutron: state }: World,
  group: SecurityGroup,
  direction: string,
  ethertype: string,
  from: string | null,
): void {
  const rule: Rule = {
    ...newThing(group.project_id, {}),
    security_group_id: group.id,
    direction,
    ethertype,
    protocol: null,
    port_range_min: null,
    port_range_max: null,
    remote_ip_prefix: null,
    remote_group_id: from,
  };
  state.rules.set(rule.id, rule);
}
