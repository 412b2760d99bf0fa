import { expect, it } from 'vitest';
import { parseMachineAddress } from './machine-address.ts';

it.each([
  ['c/n-1:80', { cluster: 'c', node: 'n-1', port: 80, path: '/' }],
  ['c/n-1:8080/a/b?c=d:e/f', { cluster: 'c', node: 'n-1', port: 8080, path: '/a/b?c=d:e/f' }],
  ['c/n-1:80?x', { cluster: 'c', node: 'n-1', port: 80, path: '/?x' }],
])('%s is understood', (text, address) => {
  expect(parseMachineAddress(text)).toEqual(address);
});

it.each(['', 'c', 'c/n', 'c/n:', 'c/n:0', 'c/n:65536', 'c/n:80x', 'http://c/n:80'])(
  '%j is refused',
  (text) => {
    expect(() => parseMachineAddress(text)).toThrow(expect.objectContaining({ exitCode: 2 }));
  },
);
