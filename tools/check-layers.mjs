// Fails on any import that points against the arrows of HACKING.md ("The layers").
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Which workspace packages a package may import. */
const packages = {
  api: [],
  'indirect-access': [],
  openstack: [],
  wire: [],
  client: ['api', 'wire'],
  cli: ['api', 'client'],
  controller: ['api', 'indirect-access', 'openstack', 'wire'],
};

/** Which folders of the controller a folder may import; main.ts knows all of them. */
const folders = {
  clusters: [],
  events: ['clusters', 'storage'],
  storage: ['clusters'],
  clouds: ['clusters', 'storage'],
  plugins: ['clusters'],
  access: ['clusters', 'storage', 'events'],
  agents: ['access', 'storage', 'events'],
  auth: ['storage'],
  provisioning: ['access', 'clouds', 'plugins', 'storage', 'events', 'clusters'],
  http: ['provisioning', 'auth', 'agents', 'access', 'clouds', 'plugins', 'storage', 'events', 'clusters'],
};

/** Libraries that only the named places may import, so that they can be replaced. */
const confined = {
  ssh2: [
    'packages/indirect-access/src/engine/',
    'packages/controller/src/clouds/sandbox/',
    'packages/controller/src/agents/',
    'bench/sahara-',
    'tests/',
  ],
  '@dbos-inc/dbos-sdk': ['packages/controller/src/provisioning/engine/'],
  pg: [
    'packages/controller/src/storage/',
    'packages/controller/src/provisioning/engine/',
    'packages/cli/src/sahara/',
    'tests/',
  ],
  mysql2: ['packages/cli/src/sahara/', 'tests/'],
};

const problems = [];
for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
  const file = path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/');
  if (!entry.isFile() || !/\.(ts|tsx|mjs)$/.test(file) || /(^|\/)(node_modules|dist|\.)/.test(file)) continue;
  const text = readFileSync(path.join(root, file), 'utf8');
  for (const [, target] of text.matchAll(/(?:from|import|import\()\s*['"]([^'"]+)['"]/g)) check(file, target);
}

function check(file, target) {
  const [, from, folder] = /^packages\/([^/]+)\/src\/(?:([^/]+)\/)?/.exec(file) ?? [];
  for (const [library, places] of Object.entries(confined)) {
    const named = target === library || target.startsWith(`${library}/`);
    if (named && !places.some((place) => file.startsWith(place))) complain(file, target, 'is confined');
  }
  if (!from) return;
  const [, to] = /^@wadi\/([^/]+)/.exec(target) ?? [];
  if (to && !packages[from]?.includes(to)) complain(file, target, `${from} may not import ${to}`);
  if (!target.startsWith('.')) return;
  const resolved = path.posix.join(path.posix.dirname(file), target);
  if (!resolved.startsWith(`packages/${from}/src/`)) return complain(file, target, 'leaves its package');
  if (from !== 'controller' || !folder || file.endsWith('.test.ts')) return;
  const [, , other] = /^packages\/([^/]+)\/src\/([^/]+)\//.exec(resolved) ?? [];
  if (!other) return complain(file, target, 'only main.ts and its neighbours may import top-level files');
  if (other !== folder && !folders[folder]?.includes(other))
    complain(file, target, `${folder} may not import ${other}`);
}

function complain(file, target, why) {
  problems.push(`${file}: import of '${target}': ${why}`);
}

if (problems.length > 0) {
  console.error(problems.join('\n'));
  console.error(`check-layers: ${problems.length} import(s) against the layers; see HACKING.md`);
  process.exit(1);
}
console.log('check-layers: every import follows the layers');
