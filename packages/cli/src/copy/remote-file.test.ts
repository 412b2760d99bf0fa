import { describe, expect, it } from 'vitest';
import { inDirectory, parseRemoteFile } from './remote-file.ts';

describe('an argument of cp', () => {
  it.each([
    ['example/worker-1:/tmp/x', { cluster: 'example', nodes: 'worker-1', path: '/tmp/x' }],
    ['example/worker-[0-2],proxy:x y', { cluster: 'example', nodes: 'worker-[0-2],proxy', path: 'x y' }],
    ['example/worker-1:a:b', { cluster: 'example', nodes: 'worker-1', path: 'a:b' }],
    ['file', undefined],
    ['folder/file', undefined],
    ['/a/b:c', undefined],
    ['./a/b:c', undefined],
    ['a/b/c:d', undefined],
  ])('%j is %j', (text, expected) => expect(parseRemoteFile(text)).toEqual(expected));

  it('that names no file is refused', () =>
    expect(() => parseRemoteFile('example/worker-1:')).toThrow('names no file'));

  it('that ends with a slash is a directory', () => {
    expect(inDirectory('/tmp/', 'a/b.txt')).toBe('/tmp/b.txt');
    expect(inDirectory('/tmp/x', 'a/b.txt')).toBe('/tmp/x');
  });
});
