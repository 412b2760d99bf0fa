import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stepRunner } from '../plugins/step-program.ts';
import { mountProgram } from './mount-script.ts';

/** Real disks, which only root can make of files. */
const possible = process.getuid?.() === 0 && spawnSync('losetup', ['-f']).status === 0;
const gib = 1024 ** 3;

describe.skipIf(!possible)('volumes', () => {
  let folder: string;
  let disks: string[];

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'wadi-volumes-'));
    disks = [];
    mkdirSync(path.join(folder, 'bin'));
    writeFileSync(path.join(folder, 'fstab'), '# of the image\n');
  });
  afterEach(() => {
    for (const disk of disks) execFileSync('losetup', ['-d', disk]);
    rmSync(folder, { recursive: true });
  });

  /** GiB. */
  function addDisk(size = 1): string {
    const file = path.join(folder, `disk-${disks.length}`);
    writeFileSync(file, '');
    truncateSync(file, size * gib);
    const disk = execFileSync('losetup', ['-f', '--show', file], { encoding: 'utf8' }).trim();
    disks.push(disk);
    return disk;
  }

  /** In mounts of its own, with an fstab of its own; the test's disks are the only ones that it can see. */
  function mount(count: number, then = '') {
    const own = disks.join(' ');
    const lsblk = `#!/bin/sh
case "$*" in
  *NAME,TYPE,SIZE,RO*FSTYPE*) echo "NAME"; exit 0 ;;
  *NAME,TYPE,SIZE,RO*) [ -z "${own}" ] || /usr/bin/lsblk "$@" ${own} | sed 's/ loop / disk /' ;;
  *) exec /usr/bin/lsblk "$@" ;;
esac
`;
    writeFileSync(path.join(folder, 'bin', 'lsblk'), lsblk, { mode: 0o755 });
    // Labels of a machine are its own; the computer's other disks, and other tests', are not this machine's.
    const blkid = `#!/bin/sh
case "$*" in
  *LABEL=*) [ -z "${own}" ] || exec /usr/sbin/blkid "$@" ${own} ;;
  *) exec /usr/sbin/blkid "$@" ;;
esac
`;
    writeFileSync(path.join(folder, 'bin', 'blkid'), blkid, { mode: 0o755 });
    const prefix = path.join(folder, 'volumes', 'disk');
    const inside = `mount --bind "$1" /etc/fstab && shift && sh -c "$1" && shift && ${then || 'true'}`;
    return spawnSync(
      'unshare',
      ['--mount', 'sh', '-c', inside, 'sh', path.join(folder, 'fstab'), stepRunner],
      {
        encoding: 'utf8',
        env: { ...process.env, PATH: `${folder}/bin:${process.env.PATH}`, HOME: folder },
        input: mountProgram({ count, size: 1, prefix, owner: 'nobody' }),
      },
    );
  }

  const fstab = () => readFileSync(path.join(folder, 'fstab'), 'utf8').split('\n').filter(Boolean);
  test('are formatted and mounted by their UUID once, however often it is asked for', () => {
    const [first, second] = [addDisk(), addDisk()];
    const made = mount(
      2,
      `findmnt -rno SOURCE ${folder}/volumes/disk1 && findmnt -rno SOURCE ${folder}/volumes/disk2 && stat -c %U ${folder}/volumes/disk1 && echo kept >${folder}/volumes/disk1/file`,
    );
    expect([made.status, made.stderr]).toEqual([0, '']);
    expect(made.stdout).toBe(`${first}\n${second}\nnobody\n`);
    const lines = fstab();
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^UUID=[0-9a-f-]{36} \/\S+\/disk1 ext4 defaults,noatime,nofail 0 2$/);
    const again = mount(2, `cat ${folder}/volumes/disk1/file`);
    expect([again.status, again.stdout, fstab()]).toEqual([0, 'kept\n', lines]);
  });

  test('whatever is on a disk is never overwritten, and one of another size is somebody else’s', () => {
    const used = [addDisk(), addDisk(), addDisk()] as const;
    execFileSync('mkfs.ext4', ['-q', used[0]]);
    execFileSync('mkswap', [used[1]], { stdio: 'ignore' });
    execFileSync('sfdisk', ['-q', used[2]], { input: 'label: gpt\n' });
    const other = addDisk(3);
    const beginnings = () => used.map((_, index) => beginningOf(path.join(folder, `disk-${index}`)));
    const before = beginnings();
    const refused = mount(1);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(
      `there is no disk of 1 GiB with nothing on it for ${folder}/volumes/disk1, which is the volume 1 of 1`,
    );
    expect(beginnings()).toEqual(before);
    expect(spawnSync('blkid', ['-p', other]).status).toBe(2);
    expect(fstab()).toEqual(['# of the image']);
  });
});

/** MiB by MiB it would take a minute. */
function beginningOf(file: string): string {
  return execFileSync('head', ['-c', '1048576', file]).toString('base64');
}
