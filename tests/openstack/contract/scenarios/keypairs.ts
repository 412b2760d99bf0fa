import assert from 'node:assert/strict';
import type { Stage } from '../stage.ts';
import { refused } from './refused.ts';

/** Nobody has the private half. */
export const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILwHYhD7jpy31ji6tnkdvKE8lswhQsywO3gLljTxw8RP';

export async function keypairs({ openstack, after }: Stage): Promise<void> {
  const keys = openstack.keypairs;
  // A name is one segment of the path, whatever is in it.
  for (const name of ['contract one', 'contract-two']) {
    after(() => keys.delete(name, { missingOk: true }));
    const made = await keys.import(name, publicKey);
    assert.equal(made.name, name);
    assert.equal(made.public_key.trim(), publicKey);
    assert.equal((await keys.get(name))?.fingerprint, made.fingerprint);
  }
  assert.deepEqual((await keys.list()).map(({ name }) => name).sort(), ['contract one', 'contract-two']);
  await refused(keys.import('contract-two', publicKey), 'CONFLICT', 'conflictingRequest');
  await refused(keys.import('contract-three', 'no key'), 'BAD_REQUEST', 'badRequest');
  assert.equal(await keys.get('none'), null);
  await keys.delete('contract one');
  await refused(keys.delete('contract one'), 'NOT_FOUND', 'itemNotFound');
  await keys.delete('contract one', { missingOk: true });
}
