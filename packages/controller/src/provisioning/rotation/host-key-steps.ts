import { setTimeout as sleep } from 'node:timers/promises';
import { AccessError, type Route } from '@wadi/indirect-access';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import { fingerprint, parseHostKey } from '../../access/host-key.ts';
import { forgetInjectedHostKey } from '../../storage/injected-host-keys.ts';
import {
  advanceMachine,
  changeHostKeys,
  type RotatingMachine,
  setNewHostKeys,
} from '../../storage/key-rotations.ts';
import { theCluster } from '../cluster-work.ts';
import { hostKeyScript, LOST } from './host-key-script.ts';
import { onMachines, type RotationWork, type Turn } from './rotation-work.ts';

const type = 'Engine: rotate host keys';
/** Milliseconds for a machine to make its keys or to change them; RSA takes its time on a small one. */
const patience = 180_000;
/** Milliseconds that sshd has to read its keys, and between two looks. */
const showPatience = 10_000;
const lookInterval = 250;

/** The machine makes its next host keys, and these are pinned beside those that it shows. */
export function makeHostKeys(work: RotationWork, signal: AbortSignal): Promise<void> {
  const turnOf = ({ state, new_host_keys: made }: RotatingMachine) => state === 'pending' && made === null;
  return onMachines(work, { name: 'Make host keys', type, turnOf }, signal, async (turn) => {
    const { machine, instance } = turn;
    const { stdout } = await onMachine(turn, ['make']);
    const keys = stdout.toString().split('\n').filter(Boolean).map(parseHostKey);
    if (keys.length === 0 || keys.includes(null))
      throw failed(turn, 'said no host keys when it had made them');
    const made = keys.flatMap((key) => key ?? []);
    await work.db.transaction().execute(async (tx) => {
      await changeHostKeys(tx, instance.id, (pinned) => [...new Set([...pinned, ...made])]);
      await setNewHostKeys(tx, machine, made);
    });
  });
}

/** The machine shows its next host keys; when that was seen, only they are pinned. */
export function useHostKeys(work: RotationWork, signal: AbortSignal): Promise<void> {
  const turnOf = ({ state, new_host_keys: made }: RotatingMachine) => state === 'pending' && made !== null;
  return onMachines(work, { name: 'Use host keys', type, turnOf }, signal, async (turn) => {
    const { rotation, machine, instance, reach } = turn;
    const keys = machine.new_host_keys ?? [];
    const route = await reach.open(instance, signal);
    const { status } = await onMachine(turn, ['use', ...keys], [0, LOST]);
    if (status === LOST) {
      // It was set back to what it was before, and shows the old ones.
      await work.db.transaction().execute(async (tx) => {
        await changeHostKeys(tx, instance.id, (pinned) => withoutAll(pinned, keys));
        await setNewHostKeys(tx, machine, null);
      });
      throw failed(turn, 'has lost the host keys that it had made; it makes others the next time');
    }
    await untilShown(reach, route, keys, signal);
    const { project_id: projectId } = await theCluster(work);
    await work.db.transaction().execute(async (tx) => {
      await changeHostKeys(tx, instance.id, () => keys);
      await forgetInjectedHostKey(tx, instance.id);
      await advanceMachine(tx, rotation.id, instance.id, 'replaced');
      const body = { instance_id: instance.id, instance: instance.name, fingerprints: keys.map(fingerprint) };
      const event = { projectId, clusterId: work.clusterId, type: 'host-key.rotated', body };
      await work.events.append(event, tx);
    });
  });
}

/** Nothing of the old ones is left on the machine. */
export function forgetOldHostKeys(work: RotationWork, signal: AbortSignal): Promise<void> {
  const turnOf = ({ state }: RotatingMachine) => state === 'replaced';
  return onMachines(work, { name: 'Forget old host keys', type, turnOf }, signal, async (turn) => {
    await onMachine(turn, ['forget']);
    await advanceMachine(work.db, turn.rotation.id, turn.instance.id, 'done');
  });
}

function onMachine(turn: Turn, args: readonly string[], expected: readonly number[] = [0]) {
  const { reach, instance, signal } = turn;
  return reach.through(
    instance,
    async (route) => {
      const command = ['/bin/sh', '-c', hostKeyScript, 'wadi', ...args];
      const result = await reach.indirect.exec(route, command, { asRoot: true, timeout: patience, signal });
      if (result.status !== null && expected.includes(result.status)) return result;
      throw failed(turn, `cannot replace its host keys: ${result.stderr.toString().trim().slice(-400)}`);
    },
    signal,
  );
}

/** sshd is there again a moment after it was told to read its keys. */
async function untilShown(
  reach: ClusterReach,
  { hops, machine }: Route,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const route = { hops, machine: { ...machine, hostKey: { kind: 'pinned', keys, exactly: true } } } as const;
  for (
    const deadline = performance.now() + showPatience;
    ;
    await sleep(lookInterval, undefined, { signal })
  ) {
    try {
      return await reach.indirect.check(route, { signal });
    } catch (error) {
      if (!(error instanceof AccessError) || signal.aborted) throw error;
      if (performance.now() < deadline) continue;
      if (error.code !== 'HOST_KEY_MISMATCH') throw error;
      throw new AccessError(`${machine.name} does not show its new host key: its sshd did not read it`, {
        code: 'HOST_KEY_MISMATCH',
        hop: machine.name,
        phase: 'host-key',
        hint: 'have its sshd start anew; the old key stays valid until the new one is seen',
        cause: error,
      });
    }
  }
}

function withoutAll(keys: readonly string[], gone: readonly string[]): string[] {
  const left = keys.filter((key) => !gone.includes(key));
  return left.length > 0 ? left : [...keys];
}

function failed({ instance: { name } }: Turn, what: string): AccessError {
  return new AccessError(`${name} ${what}`, { code: 'COMMAND_FAILED', hop: name, phase: 'command' });
}
