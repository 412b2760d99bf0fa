import ssh2 from 'ssh2';
import { expect, it } from 'vitest';
import { generateHostKey } from './host-key.ts';

it('makes host keys that can be read and that sign, all of them', () => {
  for (let i = 0; i < 600; i += 1) {
    const pair = generateHostKey();
    const key = ssh2.utils.parseKey(pair.private);
    const known = ssh2.utils.parseKey(pair.public);
    if (key instanceof Error || known instanceof Error) throw new Error(`key ${i} cannot be read`);
    expect(known.verify('text', key.sign('text'))).toBe(true);
  }
});
