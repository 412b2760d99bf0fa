import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHANGED, CUT_SHORT, placeScript, readForEditScript, readScript } from './remote-files-scripts.ts';

const shells = ['/bin/dash', '/bin/bash', '/bin/busybox', '/bin/ksh', '/bin/zsh'].filter(existsSync);

describe.each(shells)('under %s', (shell) => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'wadi-scripts-'));
    file = path.join(folder, 'file');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function sh(script: string, parameters: readonly string[], input = '') {
    const applet = shell.endsWith('busybox') ? ['sh'] : [];
    const argv = [...applet, '-c', script, 'test', ...parameters];
    const ran = spawnSync(shell, argv, { input, cwd: folder, encoding: 'utf8' });
    return { status: ran.status, stdout: ran.stdout, stderr: ran.stderr };
  }
  const place = (how: string, to: string, data: string, mode = '', was = '') =>
    sh(placeScript, [how, to, '.wadi-temporary', mode, was], `${data}.wadi-temporary`);
  const modeOf = (name: string) => (statSync(name).mode & 0o7777).toString(8);

  test('a new file gets 0644 less the umask, or the mode that was asked for', () => {
    expect(place('write', file, 'new\n')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect([readFileSync(file, 'utf8'), modeOf(file)]).toEqual(['new\n', '644']);
    expect(place('write', `${file}-2`, '', '750').status).toBe(0);
    expect([readFileSync(`${file}-2`, 'utf8'), modeOf(`${file}-2`)]).toEqual(['', '750']);
    expect(readdirSync(folder).sort()).toEqual(['file', 'file-2']);
  });

  test.each(['600', '644', '755', '4755', '2755', '4644', '6711', '1644', '444'])(
    'mode %s is kept',
    (mode) => {
      writeFileSync(file, 'old');
      chmodSync(file, Number.parseInt(mode, 8));
      expect(place('write', file, 'new').stderr).toBe('');
      expect(readFileSync(file, 'utf8')).toBe('new');
      // The sticky bit means nothing on a file and is let go.
      expect(modeOf(file)).toBe(mode.replace(/^1/, ''));
    },
  );

  test('appending and prepending keep what was there', () => {
    expect(place('append', file, 'two\n').status).toBe(0);
    expect(place('append', file, 'three\n').status).toBe(0);
    expect(place('prepend', file, 'one\n').status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\nthree\n');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  test('an input that breaks off changes nothing and leaves nothing', () => {
    writeFileSync(file, 'old');
    const cut = sh(
      placeScript,
      ['write', file, '.wadi-temporary', '', ''],
      'new content without its trailer',
    );
    expect(cut.status).toBe(CUT_SHORT);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  test('a symbolic link stays and its target changes, through relative and dangling ones too', () => {
    mkdirSync(path.join(folder, 'there'));
    symlinkSync('there/two', file);
    symlinkSync('../real', path.join(folder, 'there/two'));
    expect(place('write', file, 'through').stderr).toBe('');
    expect(readFileSync(path.join(folder, 'real'), 'utf8')).toBe('through');
    expect(readlinkSync(file)).toBe('there/two');
    symlinkSync('round', path.join(folder, 'round'));
    expect(place('write', path.join(folder, 'round'), 'x').stderr).toContain('Too many levels');
  });

  test.each(['with space', `'"'`, '$HOME', 'new\nline', '-rf', '*', '\\', 'ünï', 'end\n'])(
    'the name %j works',
    (name) => {
      expect(place('write', `./${name}`, 'data').stderr).toBe('');
      expect(readFileSync(path.join(folder, name), 'utf8')).toBe('data');
      expect(place('append', `./${name}`, '+').stderr).toBe('');
      expect(sh(readScript, [`./${name}`]).stdout).toBe('.data+');
      symlinkSync(name, path.join(folder, 'link\n'));
      expect(place('write', './link\n', 'linked').stderr).toBe('');
      expect(readFileSync(path.join(folder, name), 'utf8')).toBe('linked');
    },
  );

  const asRoot = test.skipIf(process.getuid?.() !== 0);

  asRoot(
    'whoever owns the directory cannot turn root against other files by swapping the temporary one',
    () => {
      const victim = path.join(folder, 'victim');
      writeFileSync(victim, 'secret', { mode: 0o600 });
      const theirs = path.join(folder, 'theirs');
      mkdirSync(theirs);
      mkdirSync(path.join(folder, 'bin'));
      const target = path.join(theirs, 'file');
      writeFileSync(target, 'old');
      chownSync(theirs, 1000, 1000);
      chownSync(target, 1000, 1000);
      // The attacker is as quick as can be: it acts in the middle of the script.
      const attack = `cd ${theirs}; mv .wadi-temporary gone; ln -s ${victim} .wadi-temporary`;
      const wc = `#!/bin/sh\n[ -h ${theirs}/.wadi-temporary ] || { ${attack}; }\nexec /usr/bin/wc "$@"\n`;
      writeFileSync(path.join(folder, 'bin/wc'), wc, { mode: 0o755 });
      const before = process.env.PATH;
      process.env.PATH = `${folder}/bin:${before}`;
      try {
        place('write', target, 'new');
      } finally {
        process.env.PATH = before;
      }
      const { uid } = statSync(victim);
      expect([readFileSync(victim, 'utf8'), modeOf(victim), uid]).toEqual(['secret', '600', 0]);
    },
  );

  asRoot('in a directory for all, a link that a stranger put there is not followed', () => {
    const shared = path.join(folder, 'shared');
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const victim = path.join(folder, 'victim');
    writeFileSync(victim, 'secret');
    const link = path.join(shared, 'link');
    symlinkSync(victim, link);
    lchownSync(link, 1000, 1000);
    expect(place('write', link, 'new').stderr).toContain('Permission denied');
    expect(readFileSync(victim, 'utf8')).toBe('secret');
    lchownSync(link, 0, 0);
    expect(place('write', link, 'new').stderr).toBe('');
    expect(readFileSync(victim, 'utf8')).toBe('new');
  });

  test('an edit is refused when the file is not what was read', () => {
    writeFileSync(file, 'read');
    const { stdout, stderr } = sh(readForEditScript, [file]);
    expect(stdout).toBe('read');
    writeFileSync(file, 'changed');
    expect(place('write', file, 'edited', '', stderr.trim()).status).toBe(CHANGED);
    expect([readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual(['changed', ['file']]);
    expect(place('write', file, 'edited', '', sh(readForEditScript, [file]).stderr.trim()).status).toBe(0);
    rmSync(file);
    expect(place('write', file, 'edited', '', '1 2').stderr).toMatch(/no such file/i);
  });

  test('what is no file is refused', () => {
    expect(place('write', folder, 'x').stderr).toContain('Is a directory');
    expect(place('write', `${folder}/no/file`, 'x').stderr).toMatch(/no such file/i);
    expect(place('write', '/dev/null', 'x').stderr).toContain('Not a regular file');
    expect(sh(readScript, [folder]).stderr).toContain('Is a directory');
    expect(sh(readScript, [`${folder}/no`]).stderr).toMatch(/no such file/i);
    expect(sh(readForEditScript, [`${folder}/no`]).stderr).toMatch(/no such file/i);
  });
});
