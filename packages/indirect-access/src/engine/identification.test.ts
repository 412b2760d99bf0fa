import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdentificationReader } from './identification.ts';

const line = 'SSH-2.0-OpenSSH_9.2p1 Debian-2';

describe('IdentificationReader', () => {
  it('finds the identification however the bytes are cut, after any lines of noise', () => {
    const noise = fc.array(fc.stringMatching(/^#[ -~]{0,60}$/), { maxLength: 8 });
    fc.assert(
      fc.property(noise, fc.infiniteStream(fc.integer({ min: 1, max: 7 })), (lines, sizes) => {
        const text = `${[...lines, line].join('\r\n')}\r\nrest`;
        const reader = new IdentificationReader();
        let position = 0;
        for (const size of sizes) {
          const found = reader.take(Buffer.from(text.slice(position, position + size)));
          position += size;
          if (!found) continue;
          expect(found.line).toBe(line);
          expect(`${found.bytes}${text.slice(position)}`).toBe(`${line}\r\nrest`);
          return;
        }
      }),
    );
  });

  it('gives up on endless noise', () => {
    const reader = new IdentificationReader();
    const chatter = () => {
      for (let n = 0; n < 100; n += 1) reader.take(Buffer.alloc(1024, 'x\n'));
    };
    expect(chatter).toThrow(expect.objectContaining({ code: 'NOT_SSH', phase: 'banner' }));
  });

  it.each(['SSH-1.5-old', 'SSH-2.0-', 'SSH-nonsense'])('refuses %s', (text) => {
    const reader = new IdentificationReader();
    expect(() => reader.take(Buffer.from(`${text}\r\n`))).toThrow(
      expect.objectContaining({ code: 'NOT_SSH' }),
    );
  });

  it.each([
    ['', true, 'OVERLOADED'],
    ['Exceeded MaxStartups\r\n', true, 'OVERLOADED'],
    ['HTTP/1.1 400 Bad Request\r\n', true, 'NOT_SSH'],
    ['', false, 'NOT_SSH'],
  ])('after %j, closed: %s, the cause is %s', (said, closed, code) => {
    const reader = new IdentificationReader();
    reader.take(Buffer.from(said));
    expect(reader.explain(closed).code).toBe(code);
  });

  it('quotes only printable characters of what the peer said', () => {
    const reader = new IdentificationReader();
    reader.take(Buffer.from('\x1b[31mevil\x07\n'));
    expect(reader.explain(false).message).toMatch(/^[ -~]*$/);
  });
});
