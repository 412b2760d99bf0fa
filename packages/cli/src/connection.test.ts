import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from './connection.ts';

let data: string;
beforeEach(() => {
  data = mkdtempSync(path.join(tmpdir(), 'wadi-cli-'));
});
afterEach(() => rmSync(data, { recursive: true }));

describe('the token of a data directory', () => {
  it('is used for a controller on this computer', () => {
    writeFileSync(path.join(data, 'token'), 'secret\n');
    expect(() => connect({ data }, {})).not.toThrow();
    expect(() => connect({ data, url: 'http://localhost:1' }, {})).not.toThrow();
    expect(() => connect({}, { WADI_DATA: data, WADI_URL: 'http://[::1]:1' })).not.toThrow();
  });

  it('is not sent to another computer, except the one that the directory names', () => {
    writeFileSync(path.join(data, 'token'), 'secret\n');
    const url = 'https://wadi.example:8386';
    expect(() => connect({ data, url }, {})).toThrow(expect.objectContaining({ exitCode: 2 }));
    writeFileSync(path.join(data, 'endpoint'), `${url}\n`);
    expect(() => connect({ data, url }, {})).not.toThrow();
    expect(() => connect({ data, url: 'https://other.example' }, {})).toThrow('no token');
  });

  it('that is missing is a sentence that says where it was looked for', () => {
    expect(() => connect({ data }, {})).toThrow(path.join(data, 'token'));
  });
});

it('a token never goes over plain http to another computer unless told', () => {
  const options = { token: 'x', url: 'http://wadi.example:8386' };
  expect(() => connect(options, {})).toThrow('clear text');
  expect(() => connect({ ...options, allowPlainHttp: true }, {})).not.toThrow();
});

it.each(['ftp://x', 'nonsense', ''])('%j is refused as an address', (url) => {
  expect(() => connect({ token: 'x', url }, {})).toThrow(expect.objectContaining({ exitCode: 2 }));
});
