import { ApiError, ImportRequest } from '@wadi/api';
import { describe, expect, it } from 'vitest';
import { generateManagementKey } from '../../access/management-key.ts';
import { checkBody } from './check-body.ts';
import { planAddition, planImport } from './plan-import.ts';

const { privateKey, publicKey } = generateManagementKey('test');
const machine = { name: 'm1', address: '10.0.0.2', user: 'wadi', identity: 'key', host_keys: [publicKey] };
const proxy = { ...machine, name: 'p1', address: '10.0.0.1', is_proxy: true };
const request: ImportRequest = {
  name: 'lab',
  identities: { key: { private_key: privateKey } },
  machines: [machine, proxy],
};
const networks = ['10.0.0.0/24'];

function refusal(changed: Partial<ImportRequest>): ApiError {
  try {
    planImport({ ...request, ...changed }, networks);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const present = {
  machines: [
    { name: 'p1', address: '10.0.0.1', port: 22, isProxy: true, nodeGroup: 'proxy' },
    { name: 'm1', address: '10.0.0.2', port: 22, isProxy: false, nodeGroup: 'machines' },
  ],
  hasProxy: true,
};

describe('machines for a cluster that is there', () => {
  const more = { ...request, machines: [{ ...machine, name: 'm2', address: '172.16.0.3' }] };
  const refused = (changed: Partial<ImportRequest>) => () =>
    planAddition({ ...more, ...changed }, networks, present);

  it('join their node groups; only of what the controller would dial it is asked where it lies', () => {
    const { groups } = planAddition(more, networks, present);
    expect(groups).toMatchObject([{ name: 'machines', isProxy: false, machines: [{ name: 'm2' }] }]);
    const outside = 'outside of the networks';
    expect(() => planAddition(more, networks, { ...present, hasProxy: false })).toThrow(outside);
    const proxies = [{ ...proxy, name: 'p2', address: '172.16.0.4' }];
    expect(refused({ machines: proxies })).toThrow(outside);
  });

  it('bring no key that none of them has', () => {
    const identities = { ...request.identities, other: { private_key: privateKey } };
    expect([...planAddition({ ...more, identities }, networks, present).identities.keys()]).toEqual(['key']);
  });

  it.each([
    [{ ...machine, name: 'M1', address: '10.0.0.9' }, 'machine M1: the cluster has one of this name'],
    [{ ...machine, name: 'm3' }, 'machine m3: 10.0.0.2 port 22 is that of m1'],
    [{ ...proxy, name: 'm3', node_group: 'machines' }, 'node group machines has proxies and others'],
    [{ ...machine, name: 'm3', node_group: 'proxy' }, 'node group proxy has proxies and others'],
    [{ ...machine, name: 'm3', address: '10.0.0.9', spare: false }, 'machine m3: spare is false'],
    [{ ...machine, name: 'm3', address: '10.0.0.9', host_keys: [] }, 'trust_first_contact'],
  ])('are refused as %j', (one, text) => {
    expect(refused({ machines: [one] })).toThrow(text);
  });
});

describe('an import', () => {
  it('needs a machine that is not spare, and a proxy that is not when others are reached through one', () => {
    const spare = true;
    expect(refusal({ machines: [{ ...machine, spare }] }).message).toContain('all of them are spare');
    expect(refusal({ machines: [machine, { ...proxy, spare }] }).message).toContain('all proxies are spare');
    expect(
      planImport({ ...request, machines: [{ ...machine, spare }, proxy] }, networks).groups,
    ).toHaveLength(2);
  });

  it('forms node groups: those named, `proxy` for proxies, `machines` for the rest', () => {
    const named = { ...machine, name: 'm2', address: '10.0.0.3', node_group: 'web' };
    const { groups } = planImport({ ...request, machines: [machine, proxy, named] }, networks);
    expect(
      groups.map((group) => [group.name, group.isProxy, group.machines.map((each) => each.name)]),
    ).toEqual([
      ['machines', false, ['m1']],
      ['proxy', true, ['p1']],
      ['web', false, ['m2']],
    ]);
    expect(groups[0]?.machines[0]?.host_keys).toEqual([publicKey.split(' ').slice(0, 2).join(' ')]);
  });

  it('asks only of what the controller dials that it lies in an allowed network', () => {
    const outside = { ...machine, address: '172.16.0.1' };
    expect(planImport({ ...request, machines: [outside, proxy] }, networks).groups).toHaveLength(2);
    expect(refusal({ machines: [outside] }).message).toContain('outside of the networks');
  });

  it('dials a management address, which must lie in an allowed network even before that', () => {
    const outside = { ...proxy, address: '172.16.0.1', management_address: '10.0.0.8' };
    expect(planImport({ ...request, machines: [machine, outside] }, networks).groups).toHaveLength(2);
    const heir = { ...machine, management_address: '172.16.0.9' };
    expect(refusal({ machines: [heir, proxy] }).message).toContain(
      'management_address: 172.16.0.9 is outside',
    );
  });

  it('takes machines without a host key only where the first contact is trusted', () => {
    const { host_keys: _, ...unknown } = machine;
    expect(refusal({ machines: [unknown, proxy] }).message).toContain('trust_first_contact');
    const trusting = { ...request, machines: [unknown, proxy], trust_first_contact: true };
    expect(planImport(trusting, networks).groups[0]?.machines[0]?.host_keys).toEqual([]);
  });

  it('says all that is wrong at once, naming the machine, never quoting a key', () => {
    const secret = 'c2VjcmV0LW1hdGVyaWFsLXRoYXQtbXVzdC1ub3QtYmUtcXVvdGVk';
    const error = refusal({
      identities: {
        key: {
          private_key: `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}\n-----END OPENSSH PRIVATE KEY-----\n`,
        },
      },
      machines: [
        { ...machine, identity: 'other' },
        { ...machine, host_keys: [secret] },
        { ...proxy, node_group: 'machines', address: '169.254.169.254' },
      ],
    });
    expect(error.status).toBe(400);
    for (const part of [
      'identities[key]',
      "identity 'other'",
      'given twice',
      'no OpenSSH public key',
      'node group machines',
      '169.254.169.254 cannot be',
    ])
      expect(error.message).toContain(part);
    expect(error.message).not.toContain(secret);
  });

  it('does not quote a key that stands where its label belongs', () => {
    const { message } = refusal({
      identities: { [privateKey]: { private_key: 'x' }, ...request.identities },
    });
    expect(message).toBe('identities: a label has more than 64 characters');
    const given = { ...request, machines: [{ ...machine, identity: privateKey }] };
    expect(() => checkBody(ImportRequest, given)).toThrow(/^machines\[0\]\[identity\]: [^\n]{0,60}$/);
    const unknown = { ...request, [privateKey]: 1 };
    expect(() => checkBody(ImportRequest, unknown)).toThrow(/^unknown: …$/);
  });

  it('takes no key whose passphrase would stop the controller for long', () => {
    const blob = Buffer.from(privateKey.split('\n').slice(1, -2).join(''), 'base64');
    const field = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
    const options = Buffer.concat([field(Buffer.alloc(16)), Buffer.from([0xff, 0xff, 0xff, 0xff])]);
    const head = [Buffer.from('aes256-ctr'), Buffer.from('bcrypt'), options].map(field);
    const endless = Buffer.concat([blob.subarray(0, 15), ...head, blob.subarray(15 + 8 + 8 + 4)]);
    const text = `-----BEGIN OPENSSH PRIVATE KEY-----\n${endless.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
    const { message } = refusal({ identities: { key: { private_key: text, passphrase: 'x' } } });
    expect(message).toContain('rounds');
  });

  it('does not take a label that only looks like one', () => {
    expect(refusal({ machines: [{ ...proxy, identity: 'constructor' }] }).message).toContain('constructor');
  });
});
