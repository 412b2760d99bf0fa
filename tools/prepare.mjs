// Runs before `npm start` and `npm test`: installs what the lock file names. Node built-ins only,
// because on a fresh clone nothing else exists yet.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureDebianPackages } from './debian-packages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Wadi needs Node 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}

installNodePackages();
const withSahara = process.argv.includes('--with-sahara');
if (withSahara || process.argv.includes('--with-debian-packages')) ensureDebianPackages({ withSahara });

function installNodePackages() {
  const stamp = `${root}node_modules/.prepared`;
  const wanted = createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .update(process.version);
  const digest = wanted.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  const began = performance.now();
  console.log('Installing the packages of package-lock.json (first run only) …');
  // What npm exports to a script would reconfigure the inner npm; keep only where and how to fetch.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^npm_/i.test(name) || /^npm_config_(registry|cache|userconfig|https?_proxy|noproxy)$/i.test(name),
    ),
  );
  const npm = process.env.npm_execpath;
  const [command, first] = npm ? [process.execPath, [npm]] : ['npm', []];
  // NODE_ENV=production would leave out what the checks need, hence --include=dev.
  const args = [...first, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  if (result.status !== 0) {
    console.error('Installing failed: see the lines above. Nothing was started.');
    process.exit(result.status ?? 1);
  }
  writeFileSync(stamp, digest);
  console.log(`Installed in ${((performance.now() - began) / 1000).toFixed(0)} s.`);
}
