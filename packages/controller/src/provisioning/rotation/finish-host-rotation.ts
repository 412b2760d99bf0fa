import { endPass, findRotation, finishRotation, rotatingMachines } from '../../storage/key-rotations.ts';
import type { RotationWork } from './rotation-work.ts';
import { tellWaiting } from './tell-waiting.ts';

/** It is over once every machine shows its new keys and has none of the old ones. */
export async function finishHostRotation({ db, events, clusterId, rotationId }: RotationWork): Promise<void> {
  await db.transaction().execute(async (tx) => {
    // Whoever asks for further machines locks it, too.
    const cluster = await tx
      .selectFrom('cluster')
      .selectAll()
      .where('id', '=', clusterId)
      .forUpdate()
      .executeTakeFirst();
    const rotation = await findRotation(tx, rotationId);
    if (!cluster || !rotation || rotation.finished_at) return;
    const left = (await rotatingMachines(tx, rotationId)).filter(({ state }) => state !== 'done');
    if (left.length === 0) return finishRotation(tx, rotation);
    await endPass(tx, rotation);
    if (rotation.passes === 0) await tellWaiting(events, tx, cluster, rotation, left);
  });
}
