import { type AccessSettings, ApiError, type Right } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { checkAccess, requireAdminFor } from './check-access.ts';

const command = 'nc {host} {port}';

function refusal(
  work: () => void,
): { status: number; message: string; fields: readonly unknown[] } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { status: error.status, message: error.message, fields: error.fields };
  }
}

describe('settings of a cluster', () => {
  const cluster = { cloud: 'inventory', project_id: 'p' };
  const none = { allowNetworks: [] };
  const check = (access: AccessSettings, policy = none, machines: Parameters<typeof checkAccess>[2] = []) =>
    refusal(() => checkAccess({ ...cluster, access }, policy, machines));

  it.each<AccessSettings>([
    {},
    { method: 'fixed_ip', relay: 'nc', proxy_policy: 'first', direct_when_faster: true },
    { method: 'floating_ip' },
    { method: 'netns', router_id: 'r' },
    { method: 'netns', namespace: 'any' },
    { method: 'netns', namespace: 'qrouter-r', router_id: 'r' },
    { method: 'proxy_command', proxy_command: command },
    { method: 'proxy_command', proxy_command: `${command} {tenant_id}` },
    {
      method: 'proxy_command',
      proxy_command: `${command} {router_id} {network_id}`,
      router_id: 'r',
      network_id: 'n',
    },
  ])('that make sense are taken: %j', (access) => {
    expect(check(access)).toBeUndefined();
  });

  it('are judged by the method that the controller has, where the cluster has none', () => {
    const netns = { ...none, method: 'netns' } as const;
    expect(check({ router_id: 'r' }, netns)).toBeUndefined();
    expect(check({}, netns)).toMatchObject({ fields: [['router_id']] });
    const byCommand = { ...none, method: 'proxy_command', proxyCommand: `${command} {router_id}` } as const;
    expect(check({ router_id: 'r' }, byCommand)).toBeUndefined();
    expect(check({ method: 'fixed_ip', router_id: 'r' }, byCommand)).toMatchObject({
      fields: [['router_id']],
    });
  });

  it('cannot say floating_ip where nothing that is dialled has a floating address', () => {
    const floating = { method: 'floating_ip' } as const;
    const [with_, without] = [{ floatingIp: '203.0.113.1' }, { floatingIp: null }];
    const proxy = (of: { floatingIp: string | null }) => ({ isProxy: true, ...of });
    const other = (of: { floatingIp: string | null }) => ({ isProxy: false, ...of });
    expect(check(floating, none, [proxy(with_), other(without)])).toBeUndefined();
    expect(check(floating, none, [proxy(without), other(with_)])).toMatchObject({ fields: [['method']] });
    expect(check(floating, none, [other(without)])).toMatchObject({ fields: [['method']] });
    expect(check(floating, none, [other(with_)])).toBeUndefined();
  });

  it('of machines on this computer leave no choice', () => {
    const here = (access: AccessSettings) =>
      refusal(() => checkAccess({ cloud: 'sandbox', project_id: 'p', access }, none, []));
    expect(here({ method: 'fixed_ip', relay: 'direct-tcpip' })).toBeUndefined();
    for (const relay of ['auto', 'nc', 'ncat', 'socat', 'devtcp'] as const)
      expect(here({ relay })).toMatchObject({ status: 400, fields: [['relay']] });
    expect(here({ method: 'netns', router_id: 'r' })).toMatchObject({ status: 400, fields: [['method']] });
    expect(here({ proxy_command: command })).toMatchObject({ fields: [['proxy_command']] });
  });

  it('in an import are named as a part of it', () => {
    const access = { method: 'netns' } as const;
    const found = refusal(() => checkAccess({ ...cluster, access }, none, [], 'access'));
    expect(found).toMatchObject({
      fields: [['access', 'router_id']],
      message: expect.stringMatching(/^access\.router_id: /),
    });
  });
});

describe('what is about the controller’s own computer', () => {
  const asked = (projectId: string, rights: Right[]) =>
    ({ principal: { projectId, rights: new Set(rights) } }) as unknown as FastifyRequest;
  const admin = asked('default', ['view', 'run', 'admin']);
  const others: [string, FastifyRequest][] = [
    ['a member', asked('default', ['view', 'run'])],
    ['an admin of one project', asked('physics', ['view', 'run', 'admin'])],
  ];
  const fields: AccessSettings[] = [
    { proxy_command: command },
    { namespace: 'any' },
    { router_id: 'r' },
    { network_id: 'n' },
    { tenant_id: 't' },
  ];

  it.each(others)('is not changed by %s', (_, request) => {
    for (const wanted of fields) {
      expect(refusal(() => requireAdminFor(request, wanted, {}))).toMatchObject({
        status: 403,
        message: expect.stringContaining(Object.keys(wanted)[0] as string),
      });
      // What an admin has set is sent along by whoever changes something else.
      expect(refusal(() => requireAdminFor(request, { ...wanted, relay: 'nc' }, wanted))).toBeUndefined();
    }
    expect(refusal(() => requireAdminFor(request, { method: 'fixed_ip', relay: 'nc' }, {}))).toBeUndefined();
  });

  it.each(others)('is not removed by %s who leaves it out', (_, request) => {
    for (const present of fields)
      expect(refusal(() => requireAdminFor(request, { relay: 'nc' }, present))).toMatchObject({
        status: 403,
        message: expect.stringContaining(Object.keys(present)[0] as string),
      });
  });

  it('is changed by an admin of the whole installation', () => {
    for (const wanted of fields) expect(refusal(() => requireAdminFor(admin, wanted, {}))).toBeUndefined();
  });
});
