import { accessRelays } from '@wadi/api';
import { describe, expect, it } from 'vitest';
import { accessSettings } from './access-settings.ts';

const policy = { allowNetworks: ['10.0.0.0/8'] };
const cluster = { project_id: 'p' };

describe('what bytes are passed on by', () => {
  it.each(['sandbox', 'fake'])('is forwarding alone in the %s cloud, whatever is stored', (cloud) => {
    for (const access of [{}, ...accessRelays.map((relay) => ({ relay }))])
      expect(accessSettings({ ...cluster, cloud, access }, policy).relay).toBe('direct-tcpip');
  });

  it('is what the cluster wants elsewhere, else found out', () => {
    const relay = (access: object) =>
      accessSettings({ ...cluster, cloud: 'inventory', access: { ...access } }, policy).relay;
    expect([relay({}), relay({ relay: 'nc' }), relay({ relay: 'pigeon' })]).toEqual(['auto', 'nc', 'auto']);
  });
});
