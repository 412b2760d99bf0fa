import { AccessError } from '@wadi/indirect-access';
import { describe, expect, it } from 'vitest';
import type { UploadRow } from '../storage/uploads.ts';
import type { InstanceFacts } from './cluster-facts.ts';
import type { ClusterReach } from './cluster-reach.ts';
import { TargetUpload } from './target-upload.ts';

const instance = { id: 'i', name: 'machine' } as InstanceFacts;
const upload = { id: 'u', path: '/f', size: '0', sha256: '', as_root: false, mode: null };

/** Attempts to reach the machine go through `attempts`; after them it is reached and has the file. */
function target(...attempts: (AccessError | 'gone')[]): TargetUpload {
  const reach = async () => {
    const next = attempts.shift();
    const through = async () => {
      if (next instanceof AccessError) throw next;
      return { state: { offset: 0, done: true } };
    };
    return { find: () => (next === 'gone' ? undefined : instance), through } as unknown as ClusterReach;
  };
  return new TargetUpload({
    ...{ upload: upload as unknown as UploadRow, instance, reach },
    connecting: (work) => work(),
    signal: new AbortController().signal,
  });
}

const failure = (code: AccessError['code'], retryable = false) =>
  new AccessError('it failed', { code, hop: 'proxy', retryable });

describe('an upload to a machine', () => {
  it.each([
    ['whose connections were closed because it was moved', failure('CLOSED')],
    ['whose proxy was fenced while it was dialled', failure('ADDRESS_NOT_ALLOWED', true)],
  ])('%s goes on by the way that is there then', async (_, error) => {
    const one = target(error);
    await one.open();
    expect(one.progress).toMatchObject({ status: 'done', error: null });
  });

  it('that is gone, or whose address is not the cluster’s own, is over', async () => {
    for (const attempt of ['gone', failure('ADDRESS_NOT_ALLOWED')] as const) {
      const one = target(attempt);
      await one.open();
      expect(one.progress.status).toBe('failed');
    }
  });
});
