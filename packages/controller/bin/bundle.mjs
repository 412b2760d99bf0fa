// One bundle of a program's sources, made anew when one of them has changed: to load a thousand modules one by one takes
// longer than all the rest of a start. Where no bundle can be made, the sources run as they are.
import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const all = fileURLToPath(new URL('../..', import.meta.url));
/** Milliseconds after which a bundle of other sources is certainly no longer being loaded. */
const old = 24 * 3600 * 1000;

/**
 * Imports a package's `src/main.ts`. `url`: of a file in its `bin`; `packages`: the names of those whose sources are in it,
 * its own among them.
 */
export async function importMain(url, packages) {
  const folder = fileURLToPath(new URL('..', url));
  const program = { folder, source: path.join(folder, 'src/main.ts'), packages };
  return await import(pathToFileURL((await ensureBundle(program)) ?? (await useSources(program))).href);
}

async function ensureBundle(program) {
  const dist = path.join(program.folder, 'dist');
  const bundle = path.join(dist, stamp(program));
  try {
    if (!existsSync(bundle)) {
      mkdirSync(dist, { recursive: true });
      for (const name of readdirSync(dist)) {
        const other = path.join(dist, name);
        if (Date.now() - statSync(other).mtimeMs > old) rmSync(other, { recursive: true, force: true });
      }
      // Made aside and renamed, so that several may start at once.
      const fresh = path.join(dist, `new-${randomBytes(6).toString('hex')}`);
      await build(program, fresh);
      try {
        renameSync(fresh, bundle);
      } catch {
        rmSync(fresh, { recursive: true, force: true });
      }
    }
    const main = path.join(bundle, 'main.mjs');
    // Another user's umask may have made it theirs alone.
    accessSync(main, constants.R_OK);
    return main;
  } catch {
    return null;
  }
}

async function build({ source }, outdir) {
  const esbuild = await import('esbuild');
  await esbuild.build({
    entryPoints: [source],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    outExtension: { '.js': '.mjs' },
    sourcemap: 'linked',
    logLevel: 'silent',
    plugins: [{ name: 'wadi', setup: rules }],
  });
  // Else its process stays as long as ours.
  await esbuild.stop();
}

function rules(build) {
  // Ours, and two that consist of hundreds of small modules. The others are found at run time, as without a bundle.
  const within = /^(@wadi\/|kysely$|typebox(\/|$))/;
  build.onResolve({ filter: /^[^./]/ }, ({ path: name, kind }) =>
    kind === 'entry-point' || within.test(name) ? undefined : { path: name, external: true },
  );
  // A module that looks for files beside itself means its source.
  build.onLoad({ filter: /\.ts$/ }, ({ path: file }) => ({
    loader: 'ts',
    contents: readFileSync(file, 'utf8').replaceAll(
      'import.meta.url',
      JSON.stringify(pathToFileURL(file).href),
    ),
  }));
}

/** Differs when any source, or what was installed, differs. */
function stamp({ packages }) {
  const hash = createHash('sha256').update(process.version);
  for (const name of packages) {
    const folder = path.join(all, name, 'src');
    for (const entry of readdirSync(folder, { recursive: true }).sort()) note(path.join(folder, entry));
  }
  note(fileURLToPath(import.meta.url));
  note(path.join(all, '../package-lock.json'));
  return hash.digest('hex').slice(0, 16);

  function note(file) {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat?.isFile()) hash.update(`${file} ${stat.size} ${stat.mtimeMs}\n`);
  }
}

async function useSources({ source }) {
  const { register } = await import('tsx/esm/api');
  register();
  return source;
}
