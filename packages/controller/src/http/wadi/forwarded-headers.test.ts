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

  it('say nothing of proxies before us, nor what these vouch for', () => {
    const headers = {
      forwarded: 'for=127.0.0.1',
      via: '1.1 gate',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-access-token': 'secret',
      'x-real-ip': '127.0.0.1',
      'x-forwarded': '1',
      'x-forward': 'kept',
    };
    expect(headersForMachine(headers)).toEqual({ 'x-forward': 'kept' });
  });

  it("keep the machine's own password", () => {
    expect(headersForMachine({ authorization: 'Basic eDp5' })).toEqual({ authorization: 'Basic eDp5' });
  });
});

describe('headers on their way back', () => {
  it('settle nothing for our whole origin, and are not taken for ours', () => {
    const headers = {
      'strict-transport-security': 'max-age=0',
      'alt-svc': 'h3=":443"',
      nel: '{}',
      'report-to': '{}',
      'reporting-endpoints': 'x="/x"',
      'service-worker-allowed': '/',
      'x-openstack-request-id': 'req-x',
      'x-request-id': 'kept',
    };
    expect(headersForCaller(headers)).toEqual({
      'x-request-id': 'kept',
      'content-security-policy': 'sandbox',
      'x-content-type-options': 'nosniff',
    });
  });

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
