import { AccessError, type AccessErrorDetails, type Machine, type Route } from '@wadi/indirect-access';
import { describe, expect, it } from 'vitest';
import { accusedStep, routeSteps } from './route-steps.ts';

function machine(name: string): Machine {
  const hostKey = { kind: 'first-contact' } as const;
  return { id: `id-${name}`, name, host: '10.0.0.1', port: 22, user: 'u', credential: 'c', hostKey };
}

function jump(name: string) {
  return { kind: 'ssh', machine: machine(name), relay: 'auto' } as const;
}

const direct: Route = { hops: [{ kind: 'tcp' }], machine: machine('m') };
const one: Route = { hops: [{ kind: 'tcp' }, jump('p')], machine: machine('m') };
const two: Route = { hops: [{ kind: 'tcp' }, jump('p'), jump('q')], machine: machine('m') };
const within: Route = { hops: [{ kind: 'tcp' }, jump('m')], machine: machine('m') };

describe('the steps of a route', () => {
  it('lead from the controller to the machine, one for each hop', () => {
    expect(routeSteps(direct)).toEqual(['controller>id-m']);
    expect(routeSteps(one)).toEqual(['controller>id-p', 'id-p>id-m']);
    expect(routeSteps(two)).toEqual(['controller>id-p', 'id-p>id-q', 'id-q>id-m']);
  });

  it('end at the port where another than sshd is meant', () => {
    expect(routeSteps(one, 8080)).toEqual(['controller>id-p', 'id-p>id-m:8080']);
  });
});

describe('an error on the way', () => {
  const cases: [string, Route, AccessErrorDetails, number | undefined][] = [
    ['a dial to the proxy', one, { code: 'CONNECTION_REFUSED', hop: 'p', phase: 'dial' }, 0],
    ['a silent proxy', one, { code: 'NOT_SSH', hop: 'p', phase: 'banner' }, 0],
    ['the machine from the proxy', one, { code: 'TARGET_UNREACHABLE', hop: 'm', phase: 'dial' }, 1],
    ['the second proxy', two, { code: 'TARGET_UNREACHABLE', hop: 'q', phase: 'dial' }, 1],
    ['an own port', within, { code: 'TARGET_UNREACHABLE', hop: 'm', phase: 'dial' }, 1],
    ['a session before an own port', within, { code: 'CONNECTION_REFUSED', hop: 'm', phase: 'dial' }, 0],
    ['forbidden forwarding', one, { code: 'FORWARDING_FORBIDDEN', hop: 'p', phase: 'channel' }, 1],
    ['no relay', one, { code: 'NO_RELAY', hop: 'p', phase: 'relay' }, 1],
    ['a key that the proxy refuses', one, { code: 'AUTHENTICATION_FAILED', hop: 'p' }, 0],
    ['a key that the machine refuses', one, { code: 'AUTHENTICATION_FAILED', hop: 'm' }, undefined],
    ['a wrong host key', one, { code: 'HOST_KEY_MISMATCH', hop: 'p', phase: 'host-key' }, undefined],
    ['a stale connection', one, { code: 'TIMEOUT', hop: 'm', phase: 'channel' }, undefined],
    ['an unknown name', one, { code: 'CONNECTION_LOST', hop: 'x', phase: 'dial' }, undefined],
    ['nobody', one, { code: 'CONNECTION_LOST' }, undefined],
  ];
  it.each(cases)('about %s speaks against the right step', (_what, route, details, step) => {
    expect(accusedStep(route, new AccessError('failed', details))).toBe(step);
  });
});
