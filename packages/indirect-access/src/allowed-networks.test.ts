import { describe, expect, it } from 'vitest';
import { AllowedNetworks } from './allowed-networks.ts';

describe('AllowedNetworks', () => {
  it.each([
    ['10.1.2.3', ['10.0.0.0/8'], true],
    ['11.1.2.3', ['10.0.0.0/8'], false],
    ['192.168.0.1', ['10.0.0.0/8', '192.168.0.0/16'], true],
    ['fd00::1', ['fd00::/8'], true],
    ['fe80::1', ['fd00::/8'], false],
    ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
    ['::ffff:a01:203', ['10.0.0.0/8'], true],
    ['::ffff:127.0.0.1', ['::/0'], false],
    ['0:0:0:0:0:ffff:7f00:1', ['::/0'], false],
    ['127.0.0.1', [], false],
    ['1.2.3.4', ['0.0.0.0/0'], true],
    ['1.2.3.4', ['1.2.3.4/32'], true],
    ['::1', ['0.0.0.0/0'], false],
    ['169.254.169.254', ['0.0.0.0/0'], false],
    ['169.254.169.254', ['169.254.169.254/32'], false],
    ['::ffff:169.254.169.254', ['0.0.0.0/0', '::/0'], false],
    ['fe80::1', ['::/0'], false],
    ['fe80::1%eth0', ['::/0'], false],
    ['0.0.0.0', ['0.0.0.0/0'], false],
    ['::', ['::/0'], false],
    ['fd00:ec2::254', ['fd00::/8'], false],
  ])('%s in %j: %s', (address, networks, included) => {
    expect(new AllowedNetworks(networks).includes(address)).toBe(included);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', 'example.org/8', '::/129', '/8', '10.0.0.0/8 '])(
    'refuses %j',
    (network) => {
      expect(() => new AllowedNetworks([network])).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    },
  );
});
