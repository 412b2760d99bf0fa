import { describe, expect, it } from 'vitest';
import { addressProblem } from './machine-address.ts';

const allowed = ['10.0.0.0/8', '2001:db8::/32'];

describe('the address of an imported machine', () => {
  it.each(['10.1.2.3', '2001:db8::7', 'proxy.example.org', 'proxy-1'])(
    'may be %s where we dial',
    (address) => {
      expect(addressProblem(address, true, allowed)).toBeNull();
    },
  );

  it.each(['192.168.1.1', '8.8.8.8', 'fd00::1', 'machine'])('may be %s behind a proxy', (address) => {
    expect(addressProblem(address, false, [])).toBeNull();
  });

  it.each([
    ['192.168.1.1', true],
    ['2001:db9::1', true],
    ['127.0.0.1', true],
    ['127.0.0.1', false],
    ['::1', false],
    ['0.0.0.0', false],
    ['169.254.169.254', false],
    ['169.254.169.254', true],
    ['fe80::1', false],
    ['224.0.0.1', false],
    ['255.255.255.255', false],
    ['::', false],
    ['', true],
    ['1.2.3', true],
    ['010.1.2.3', true],
    ['-oProxyCommand=x', true],
    ['a b', false],
    ['a;b', false],
    ['$(x)', false],
    ['fe80::1%eth0', false],
    ['10.0.0.1/8', true],
    ['http://10.0.0.1', true],
  ])('may not be %j (dialled by us: %s)', (address, dialled) => {
    expect(addressProblem(address, dialled, allowed)).toBeTypeOf('string');
  });

  it('is refused where we dial when no network is allowed at all', () => {
    expect(addressProblem('10.0.0.1', true, [])).toContain('--allow-network');
    expect(addressProblem('name', true, [])).toContain('--allow-network');
  });
});
