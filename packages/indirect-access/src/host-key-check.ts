import type { AccessOptions } from './access-options.ts';
import { trustedKeys, withoutComment } from './connection-key.ts';
import { cancelled } from './deadline.ts';
import type { HostKey } from './engine/engine.ts';
import { AccessError } from './errors.ts';
import type { Events } from './events.ts';
import type { PoolOptions } from './pool.ts';
import type { Machine } from './route.ts';

/** Decides about host keys, and remembers those of first contacts for the life of this object. */
export class HostKeyCheck {
  /** By machine id. */
  readonly learned = new Map<string, string>();
  readonly #pinHostKey: AccessOptions['pinHostKey'];
  readonly #wasPinnedSince: AccessOptions['wasPinnedSince'];
  readonly #events: Events;
  readonly #onLearned: () => void;

  constructor(
    { pinHostKey, wasPinnedSince }: Pick<PoolOptions, 'pinHostKey' | 'wasPinnedSince'>,
    events: Events,
    onLearned: () => void,
  ) {
    this.#pinHostKey = pinHostKey;
    this.#wasPinnedSince = wasPinnedSince;
    this.#events = events;
    this.#onLearned = onLearned;
  }

  /** The types worth offering; undefined: any. */
  types(machine: Machine): string[] | undefined {
    return trustedKeys(machine.id, machine.hostKey, this.learned)?.map((key) => key.split(' ')[0] ?? '');
  }

  /** What `signal` calls off teaches nothing: the machine may have been forgotten meanwhile. */
  async verify(machine: Machine, { type, blob }: HostKey, signal: AbortSignal): Promise<void> {
    const key = `${type} ${blob.toString('base64')}`;
    const trusted = trustedKeys(machine.id, machine.hostKey, this.learned) ?? [
      await this.#pin(machine, key, signal),
    ];
    if (trusted.includes(key)) return;
    const { hostKey } = machine;
    const isQuestion = hostKey.kind === 'pinned' && hostKey.exactly;
    const isKnown = hostKey.kind === 'pinned' && !isQuestion;
    if (isKnown && (await this.#wasPinnedSince?.(machine, key))) return;
    // Who asks whether it is that one, is told; nobody has to be alarmed.
    if (!isQuestion) this.#events.emit({ type: 'host-key-mismatch', machine, key });
    throw new AccessError('showed another host key than the pinned one', {
      code: 'HOST_KEY_MISMATCH',
      phase: 'host-key',
      hint: 'somebody is in between, or the machine was rebuilt: compare the key on its console before pinning it anew',
    });
  }

  async #pin(machine: Machine, key: string, signal: AbortSignal): Promise<string> {
    if (!this.#pinHostKey) throw refused('is not known yet, and first contact is not allowed');
    let pinned: string;
    try {
      pinned = withoutComment(await this.#pinHostKey(machine, key));
    } catch (error) {
      throw refused('showed a new host key, which was refused', error);
    }
    if (signal.aborted) throw cancelled(signal);
    // Another connection of ours may have been faster; the first one counts.
    const known = this.learned.get(machine.id) ?? pinned;
    this.learned.set(machine.id, known);
    this.#onLearned();
    if (known === key) this.#events.emit({ type: 'host-key-pinned', machine, key });
    return known;
  }
}

function refused(message: string, cause?: unknown): AccessError {
  return new AccessError(message, {
    code: 'HOST_KEY_REFUSED',
    phase: 'host-key',
    hint: 'pin its host key, or allow first contact',
    cause,
  });
}
