import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { OpenStackError } from '../errors.ts';
import { type LoadOptions, loadCloud } from './load-cloud.ts';

const password = 'correct horse: "battery" staple';
let folder: string;
let here: string;
let home: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-clouds-'));
  here = path.join(folder, 'here');
  home = path.join(folder, 'home');
  mkdirSync(here);
  mkdirSync(path.join(home, '.config/openstack'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const auth = {
  auth_url: 'https://keystone.example:5000',
  username: 'demo',
  user_domain_name: 'Default',
  password,
  project_name: 'demo',
  project_domain_id: 'default',
};
const lab = { auth, region_name: 'RegionOne' };

function write(where: string, content: unknown): string {
  writeFileSync(where, typeof content === 'string' ? content : stringify(content));
  return where;
}

function load(options: LoadOptions = {}, environment: Record<string, string> = {}) {
  return loadCloud({ environment, workingFolder: here, homeFolder: home, ...options });
}

function problem(options: LoadOptions = {}, environment: Record<string, string> = {}): OpenStackError {
  try {
    load(options, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(OpenStackError);
    expect(inspect(error, { depth: null })).not.toContain(password);
    return error as OpenStackError;
  }
  throw new Error('nothing was thrown');
}

test('a cloud of clouds.yaml is read, and Keystone is asked by v3', () => {
  write(path.join(here, 'clouds.yaml'), { clouds: { lab } });
  const cloud = load();
  expect(cloud).toMatchObject({
    name: 'lab',
    authUrl: 'https://keystone.example:5000/v3',
    region: 'RegionOne',
    interface: 'public',
    ca: null,
    credential: {
      kind: 'password',
      user: { name: 'demo', domain: { name: 'Default' } },
      scope: { kind: 'project', project: { name: 'demo', domain: { id: 'default' } } },
    },
  });
  expect(cloud.credential.kind === 'password' && cloud.credential.password.reveal()).toBe(password);
  for (const text of [inspect(cloud, { depth: null }), JSON.stringify(cloud)])
    expect(text).not.toContain('horse');
});

test('the first file counts: here, then the home folder; a named one before all', () => {
  const cloud = (region_name: string) => ({ clouds: { lab: { ...lab, region_name } } });
  const named = write(path.join(folder, 'named.yaml'), cloud('named'));
  write(path.join(home, '.config/openstack/clouds.yaml'), cloud('home'));
  expect(load().region).toBe('home');
  write(path.join(here, 'clouds.yml'), cloud('here'));
  expect(load().region).toBe('here');
  expect(load({}, { OS_CLIENT_CONFIG_FILE: named }).region).toBe('named');
  expect(load({ file: named }).region).toBe('named');
  expect(problem({}, { OS_CLIENT_CONFIG_FILE: '/nowhere/clouds.yaml' })).toMatchObject({
    code: 'CONFIG_NOT_FOUND',
    message: expect.stringContaining('/nowhere/clouds.yaml'),
  });
});

test('secure.yaml lies over clouds.yaml', () => {
  const { password: _none, ...open } = auth;
  write(path.join(here, 'clouds.yaml'), { clouds: { lab: { ...lab, auth: open } } });
  expect(problem()).toMatchObject({
    message: expect.stringContaining('clouds.lab.auth.password is missing'),
  });
  write(path.join(here, 'secure.yaml'), { clouds: { lab: { auth: { password } } } });
  const { credential } = load();
  expect(credential.kind === 'password' && credential.password.reveal()).toBe(password);
});

test('a cloud is chosen by name, by OS_CLOUD, or because it is the only one', () => {
  const file = write(path.join(here, 'clouds.yaml'), {
    clouds: { lab, other: { ...lab, region_name: 'two' } },
  });
  expect(load({ cloud: 'other' }).region).toBe('two');
  expect(load({}, { OS_CLOUD: 'other', OS_AUTH_URL: 'https://else.example' }).region).toBe('two');
  expect(problem()).toMatchObject({ code: 'CONFIG_NOT_FOUND', hint: expect.stringContaining('lab, other') });
  expect(problem({ cloud: 'nope' }).message).toBe(`${file} has no cloud "nope"`);
});

test.skipIf(existsSync('/etc/openstack'))(
  'where there is nothing, the places that were looked at are named',
  () => {
    expect(problem().hint).toContain(`${here}, ${path.join(home, '.config/openstack')}, /etc/openstack`);
    expect(problem({}, { OS_CLOUD: 'lab', OS_AUTH_URL: 'http://127.0.0.1' }).message).toBe(
      'there is no clouds.yaml with the cloud "lab"',
    );
  },
);

test('the environment alone is enough', () => {
  const environment = {
    OS_AUTH_URL: 'http://127.0.0.1:5000/v3/',
    OS_APPLICATION_CREDENTIAL_ID: 'abc',
    OS_APPLICATION_CREDENTIAL_SECRET: password,
    OS_INTERFACE: 'internalURL',
    OS_IDENTITY_API_VERSION: '3',
    OS_COMPUTE_ENDPOINT_OVERRIDE: 'http://127.0.0.1:8774/v2.1/',
  };
  expect(load({}, environment)).toMatchObject({
    name: 'environment',
    authUrl: 'http://127.0.0.1:5000/v3',
    interface: 'internal',
    credential: { kind: 'application_credential', credential: { id: 'abc' } },
    endpoints: { compute: 'http://127.0.0.1:8774/v2.1' },
  });
  expect(problem({}, { ...environment, OS_INSECURE: '1' }).message).toContain('OS_INSECURE');
  const { OS_APPLICATION_CREDENTIAL_ID: _id, ...nameless } = environment;
  expect(problem({}, nameless).message).toBe('the environment: OS_APPLICATION_CREDENTIAL_ID is missing');
});

test('a trust takes the place of a project', () => {
  const { project_name: _name, project_domain_id: _domain, ...user } = auth;
  write(path.join(here, 'clouds.yaml'), { clouds: { lab: { auth: { ...user, trust_id: 'trust' } } } });
  expect(load().credential).toMatchObject({ scope: { kind: 'trust', trustId: 'trust' } });
});

test.each<[string, unknown, string, string | null]>([
  [
    'a misspelt key of auth',
    { auth: { ...auth, pasword: password } },
    'auth.pasword',
    'did you mean password?',
  ],
  ['a misspelt key beside it', { ...lab, regionname: 'x' }, 'regionname', 'did you mean region_name?'],
  ['a value where a key should be', { auth: { [password]: 'x' } }, 'auth.(a key with odd characters)', null],
  ['a key in the wrong place', { ...lab, password }, 'password', 'move it below `auth`'],
  ['no certificates', { ...lab, verify: false }, 'verify', null],
  ['a certificate file that is not there', { ...lab, cacert: '/nowhere.pem' }, 'cacert', null],
  ['a vendor', { ...lab, profile: 'vexxhost' }, 'profile', null],
  ['Keystone v2', { auth: { ...auth, auth_url: 'http://a/v2.0' } }, 'auth.auth_url', null],
  ['no URL', { auth: { ...auth, auth_url: 'keystone' } }, 'auth.auth_url', null],
  ['a password in a URL', { auth: { ...auth, auth_url: `http://a:${password}@b/` } }, 'auth.auth_url', null],
  ['a password of digits', { auth: { ...auth, password: 12345 } }, 'auth.password', 'put it in quotes'],
  ['a password with its line end', { auth: { ...auth, password: `${password}\n` } }, 'auth.password', null],
  ['no domain', { auth: { ...auth, user_domain_name: '' } }, 'auth.user_domain_name', null],
  ['no project', { auth: { ...auth, project_name: null } }, 'auth.project_name', null],
  ['an unknown way to log in', { ...lab, auth_type: 'v3oidc' }, 'auth_type', null],
  ['an unknown interface', { ...lab, interface: 'secret' }, 'interface', 'use public, internal or admin'],
  ['several regions', { auth, regions: ['a', 'b'] }, 'regions', 'choose one with region_name: a, b'],
  ['a list in place of auth', { auth: [auth] }, 'auth', null],
  ['a text in place of a cloud', password, '', null],
])('%s is refused, by file and key', (_name, cloud, key, hint) => {
  const file = write(path.join(here, 'clouds.yaml'), { clouds: { lab: cloud } });
  const error = problem();
  expect(error.code).toBe('CONFIG_INVALID');
  expect(error.message).toContain(`${file}: clouds.lab${key && '.'}${key} `);
  expect(error.hint).toBeTruthy();
  if (hint) expect(error.hint).toBe(hint);
});

test('keys of other programs are left alone', () => {
  const cloud = {
    ...lab,
    volume_api_version: '3',
    floating_ip_source: 'neutron',
    networks: [{ name: 'private' }],
  };
  write(path.join(here, 'clouds.yaml'), { clouds: { lab: cloud } });
  expect(load().region).toBe('RegionOne');
});

test('YAML that cannot be read names line and column, and quotes nothing', () => {
  const file = write(
    path.join(here, 'clouds.yaml'),
    `clouds:\n  lab:\n    auth:\n     password: "${password}\n`,
  );
  expect(problem().message).toContain(`${file} is not YAML: line `);
});

test('what was written is what is read, whatever it is made of', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((one) => !/\p{Cc}/u.test(one));
  fc.assert(
    fc.property(text, text, text, (name, secret, project) => {
      const cloud = { auth: { ...auth, username: name, password: secret, project_name: project } };
      write(path.join(here, 'clouds.json'), JSON.stringify({ clouds: { lab: cloud } }));
      const { credential } = load();
      expect(credential).toMatchObject({ user: { name }, scope: { project: { name: project } } });
      expect(credential.kind === 'password' && credential.password.reveal()).toBe(secret);
    }),
    { numRuns: 200 },
  );
});

test('no damage to the file gives anything but a cloud or an error without secrets', () => {
  const whole = stringify({ clouds: { lab } });
  fc.assert(
    fc.property(fc.nat(whole.length), fc.nat(12), fc.string({ maxLength: 8 }), (at, removed, put) => {
      // Where the secret itself is damaged, only what is left of it could be told.
      write(path.join(here, 'clouds.yaml'), whole.slice(0, at) + put + whole.slice(at + removed));
      try {
        load();
      } catch (error) {
        expect(error).toBeInstanceOf(OpenStackError);
        expect(inspect(error, { depth: null })).not.toMatch(/horse|battery|staple/);
      }
    }),
    { numRuns: 1000 },
  );
});

test('any value under any known key gives a cloud or an error of ours', () => {
  const keys = ['auth_url', 'username', 'password', 'token', 'trust_id', 'application_credential_secret'];
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.jsonValue(), fc.jsonValue(), (key, value, region) => {
      const cloud = { auth: { ...auth, [key]: value }, regions: region, region_name: region };
      write(path.join(here, 'clouds.json'), JSON.stringify({ clouds: { lab: cloud } }));
      try {
        load();
      } catch (error) {
        expect(error).toBeInstanceOf(OpenStackError);
      }
    }),
    { numRuns: 500 },
  );
});
