import { describe, expect, it } from 'vitest';
import { headersForCaller, headersForMachine } from './forwarded-headers.ts';

describe('headers on their way to a machine', () => {
  it('lose our token in either header, cookies, and what was meant for us alone', () => {
    const headers = {
      'x-auth-token': 'secret',
      authorization: 'Bearer secret',
      cookie: 'session=secret',
      host: '127.0.0.1:8386',
      origin: 'http://127.0.0.1:8386',
      referer: 'http://127.0.0.1:8386/x',
      connection: 'keep-alive, X-Hop',
      'x-hop': '1',
      te: 'trailers',
      'transfer-encoding': 'chunked',
      upgrade: 'websocket',
      accept: 'text/html',
      'content-length': '3',
    };
    expect(headersForMachine(headers)).toEqual({ accept: 'text/html', 'content-length': '3' });
    expect(headersForMachine({ authorization: 'BEARER secret' })).toEqual({});
  });

  it("keep the machine's own password", () => {
    expect(headersForMachine({ authorization: 'Basic eDp5' })).toEqual({ authorization: 'Basic eDp5' });
  });
});

describe('headers on their way back', () => {
  it('set no cookie of ours and take all rights from a page', () => {
    const headers = {
      'set-cookie': ['a=b', 'c=d'],
      'clear-site-data': '*',
      'content-security-policy': "default-src 'self'",
      connection: 'close, x-gone',
      'x-gone': '1',
      'keep-alive': 'timeout=5',
      'content-type': 'text/html',
      location: '/next',
    };
    expect(headersForCaller(headers)).toEqual({
      'content-type': 'text/html',
      location: '/next',
      'content-security-policy': 'sandbox',
      'x-content-type-options': 'nosniff',
    });
  });
});
