import { randomBytes } from 'node:crypto';
import type { Lease } from './connection-group.ts';
import { withDeadline } from './deadline.ts';
import { ChannelOpenError, type ExecChannel } from './engine/engine.ts';
import { AccessError } from './errors.ts';

/** What the priming command told: `shell`, or why there is none; `unknown` when it could not be told. */
export type PrimeResult =
  | { readonly shell: 'yes' | 'unknown' }
  | { readonly shell: 'no'; readonly reason: string; readonly timedOut?: true };

/**
 * Runs one tiny command. sshd switches Nagle's algorithm off only on connections in which a session has run
 * something; without it every second small answer through a tunnel waits for 40 ms. As it goes it shows whether
 * there is a shell at all. Its failure is no error: never rejects. Releases the lease.
 */
export async function prime(lease: Lease, milliseconds: number, signal?: AbortSignal): Promise<PrimeResult> {
  const word = randomBytes(8).toString('hex');
  const late = () => new AccessError('the command did not end', { code: 'TIMEOUT', phase: 'command' });
  let channel: ExecChannel | undefined;
  try {
    return await withDeadline({ milliseconds, signal, late }, async (ended) => {
      channel = await lease.connection.ssh.exec(`echo ${word}`, ended, lease.granted);
      // It opened when the time was up, and nobody looks at it any more.
      if (ended.aborted) channel.close();
      return judge(channel, word);
    });
  } catch (error) {
    if (error instanceof ChannelOpenError) {
      // Others have its sessions: that there was no room for one more tells nothing. (Reason 0 is no question of room.)
      if (error.reason > 0 && lease.connection.served) return { shell: 'unknown' };
      return { shell: 'no', reason: error.message || 'it grants no session' };
    }
    if (error instanceof AccessError && error.code === 'TIMEOUT')
      return { shell: 'no', reason: error.message, timedOut: true };
    return { shell: 'unknown' };
  } finally {
    channel?.close();
    lease.release();
  }
}

async function judge(channel: ExecChannel, word: string): Promise<PrimeResult> {
  let said = '';
  channel.stdin.on('error', () => {}).end();
  channel.stderr.on('error', () => {}).resume();
  channel.stdout
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString('latin1')}`.slice(-1000);
    });
  const { status, lost } = await channel.exit;
  if (lost) return { shell: 'unknown' };
  if (status !== 0) return { shell: 'no', reason: `a command ended with status ${status}` };
  if (!channel.stdout.closed) await new Promise((resolve) => channel.stdout.once('close', resolve));
  if (said.includes(word)) return { shell: 'yes' };
  return { shell: 'no', reason: 'it does not run the command that it is given' };
}
