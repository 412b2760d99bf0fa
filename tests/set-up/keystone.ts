import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, inject } from 'vitest';
import { plantSecret } from './run-folder.ts';

const run = promisify(execFile);
const lab = fileURLToPath(new URL('../../lab/keystone/', import.meta.url));
const domain = { id: 'default' };
let count = 0;

export interface Keystone {
  /** Ends in `/v3`. */
  readonly url: string;
  /** Ids by name: `demo`, `other`, `services`. */
  readonly projects: Readonly<Record<string, string>>;
  readonly users: Readonly<Record<string, { readonly password: string; readonly project: string }>>;
  /** A new token; of no project when `scoped` is false. */
  logIn(user: string, scoped?: boolean): Promise<string>;
  /** What `--keystone-credential` wants: the user that may validate tokens. */
  credentialFile(file: string): string;
  /** Names a service in the catalog, at the place that every user is shown. */
  addService(type: string, url: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts Debian's Keystone (lab/keystone) for this test file. */
export async function startKeystone(): Promise<Keystone> {
  const directory = path.join(inject('runFolder'), `keystone-${process.pid}-${count++}`);
  const { stdout } = await run(path.join(lab, 'up'), [directory]);
  const { url, projects, users, operator } = JSON.parse(stdout) as Started;
  for (const [name, { password }] of Object.entries(users)) plantSecret(`password of ${name}`, password);
  plantSecret('password of the operator', operator.password);
  const everybody: Keystone['users'] = { ...users, operator: { ...operator, project: 'operators' } };

  async function logIn(name: string, scoped = true): Promise<string> {
    const { password, project } = everybody[name] as { password: string; project: string };
    const identity = { methods: ['password'], password: { user: { name, domain, password } } };
    const scope = scoped ? { project: { name: project, domain } } : 'unscoped';
    const answer = await post('/auth/tokens', { auth: { identity, scope } });
    const token = answer.headers.get('x-subject-token') ?? '';
    expect(token, await answer.text()).not.toBe('');
    plantSecret(`Keystone token of ${name}`, token);
    return token;
  }

  function post(target: string, body: unknown, token?: string): Promise<Response> {
    const headers = { 'Content-Type': 'application/json', ...(token ? { 'X-Auth-Token': token } : {}) };
    return fetch(`${url}${target}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  return {
    url,
    projects,
    users,
    logIn,
    credentialFile(file) {
      const { password } = users.wadi as { password: string };
      const lines = ['username: wadi', `password: ${password}`, 'project: services', ''];
      writeFileSync(file, lines.join('\n'), { mode: 0o600 });
      return file;
    },
    async addService(type, serviceUrl) {
      const token = await logIn('operator');
      const made = await post('/services', { service: { type, name: type } }, token);
      expect(made.status).toBe(201);
      const { service } = (await made.json()) as { service: { id: string } };
      const endpoint = { service_id: service.id, interface: 'public', region_id: 'lab', url: serviceUrl };
      expect((await post('/endpoints', { endpoint }, token)).status).toBe(201);
    },
    async stop() {
      await run(path.join(lab, 'down'), [directory]);
    },
  };
}

interface Started extends Pick<Keystone, 'url' | 'projects' | 'users'> {
  readonly operator: { readonly password: string };
}
