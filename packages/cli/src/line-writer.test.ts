import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { LineWriter } from './line-writer.ts';

async function written(chunks: readonly (string | Buffer)[], forTerminal = false): Promise<Buffer> {
  const parts: Buffer[] = [];
  const out = new Writable({
    highWaterMark: 16,
    write(chunk, _, done) {
      parts.push(chunk);
      setImmediate(done);
    },
  });
  const writer = new LineWriter(out, { prefix: 'n: ', forTerminal });
  for (const chunk of chunks) await writer.write(Buffer.from(chunk));
  await writer.end();
  await new Promise<void>((resolve) => out.end(resolve));
  return Buffer.concat(parts);
}

describe('lines', () => {
  it.each([
    [['a\nb\n'], 'n: a\nn: b\n'],
    [['a', 'b', '\nc'], 'n: ab\nn: c\n'],
    [['\n\n'], 'n: \nn: \n'],
    [[], ''],
    [[''], ''],
  ])('%j get the prefix once each', async (chunks, text) => {
    expect((await written(chunks)).toString()).toBe(text);
  });

  it('keep characters that were split between chunks', async () => {
    const bytes = Buffer.from('wädi\n');
    const chunks = [...bytes].map((byte) => Buffer.from([byte]));
    expect((await written(chunks, true)).toString()).toBe('n: wädi\n');
  });

  it('keep bytes that are no text when they do not go to a terminal', async () => {
    const bytes = Buffer.from([0xff, 0x1b, 0x0d, 0x0a]);
    expect(await written([bytes])).toEqual(Buffer.concat([Buffer.from('n: '), bytes]));
  });

  it('cannot command a terminal', async () => {
    expect((await written(['\u001b]0;title\u0007\r\n'], true)).toString()).toBe('n: ␛]0;title␇\n');
  });

  it('that never end come in pieces', async () => {
    const text = (await written([Buffer.alloc(200_000, 'x')])).toString();
    expect(text.split('\n')).toHaveLength(5);
    expect(text.replaceAll(/n: |\n/g, '')).toHaveLength(200_000);
  });
});
