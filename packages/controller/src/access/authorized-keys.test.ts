import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withKey, withoutKey } from './authorized-keys.ts';
import { generateManagementKey } from './management-key.ts';

const ours = generateManagementKey('wadi site').publicKey;
const other = generateManagementKey('somebody').publicKey;
const [type = '', blob = ''] = ours.split(' ');

/** What stands in such files beside our key, and what only looks like it. */
const foreign = fc.oneof(
  fc.string({ maxLength: 30 }).map((text) => text.replaceAll('\n', ' ')),
  fc.constantFrom(
    '',
    other,
    `# ${ours}`,
    `#${ours}`,
    `from="10.0.0.0/8,!10.1.0.0/16" ${other}`,
    `command="echo \\"${type} ${blob}\\"" ${other}`,
    `${other} ${type} ${blob}`,
    `ssh-rsa ${blob.slice(0, -4)}AAAA`,
    `${type} ${blob.slice(0, -4)}`,
    `${other}\r`,
    'ssh-rsa',
    'restrict',
  ),
);
const own = fc.constantFrom(
  ours,
  `  ${ours}`,
  `${type}\t${blob}`,
  `${type} ${blob} other comment`,
  `${ours}\r`,
  `restrict ${ours}`,
  `from="10.0.0.1",command="say \\"hi\\" # not" ${type} ${blob}`,
);
const fileOf = (lines: readonly string[], isClosed: boolean) =>
  Buffer.from(lines.join('\n') + (isClosed && lines.length > 0 ? '\n' : ''), 'latin1');
const files = fc.tuple(fc.array(foreign, { maxLength: 8 }), fc.boolean());

describe('authorized_keys', () => {
  test('a key is added once, at the end, and everything else stays byte for byte', () => {
    fc.assert(
      fc.property(files, ([lines, isClosed]) => {
        const before = fileOf(lines, isClosed);
        const after = withKey(before, ours) as Buffer;
        expect(after.subarray(0, before.length)).toEqual(before);
        expect(after.subarray(before.length).toString()).toMatch(/^\n?ssh-ed25519 \S+ wadi site\n$/);
        expect(withKey(after, ours)).toBeNull();
        // Only the end of a last line that had none is left of it.
        const again = withoutKey(after, ours) as Buffer;
        expect([before.toString('latin1'), `${before.toString('latin1')}\n`]).toContain(
          again.toString('latin1'),
        );
      }),
    );
  });

  test('a key is taken out with every line that has it, whatever its options, and no other', () => {
    const mixed = fc.array(
      fc.oneof(
        foreign,
        own.map((line) => ({ line })),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(mixed, fc.boolean(), (lines, isClosed) => {
        const text = lines.map((each) => (typeof each === 'string' ? each : each.line));
        const end = (place: number) => (isClosed || place < text.length - 1 ? '\n' : '');
        const theirs = text.map((line, place) => (typeof lines[place] === 'string' ? line + end(place) : ''));
        const after = withoutKey(fileOf(text, isClosed), ours);
        if (lines.every((each) => typeof each === 'string')) {
          expect(after).toBeNull();
          return;
        }
        expect((after as Buffer).toString('latin1')).toBe(theirs.join(''));
        expect(withoutKey(after as Buffer, ours)).toBeNull();
      }),
    );
  });

  test('what is read as our key, OpenSSH reads so, too', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'wadi-keys-'));
    const file = path.join(folder, 'keys');
    const fingerprints = (content: Buffer) => {
      writeFileSync(file, content);
      return spawnSync('ssh-keygen', ['-l', '-f', file]).stdout.toString().split('\n').filter(Boolean);
    };
    const isOurs = fingerprints(Buffer.from(`${ours}\n`))[0]?.split(' ')[1] ?? '';
    const lines = [
      ...[
        ours,
        `  ${ours}`,
        `restrict ${ours}`,
        `from="10.0.0.1",command="say \\"hi\\" # not" ${type} ${blob}`,
      ],
      ...[`# ${ours}`, `command="echo \\"${type} ${blob}\\"" ${other}`, `${other} ${type} ${blob}`],
    ];
    for (const line of lines) {
      const content = Buffer.from(`${line}\n`);
      const read = fingerprints(content).some((each) => each.split(' ')[1] === isOurs);
      expect([line, withoutKey(content, ours) !== null]).toEqual([line, read]);
    }
    rmSync(folder, { recursive: true });
  });
});
