import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const lab = fileURLToPath(new URL('../../lab/openstack', import.meta.url));

/** Brings the lab up with servers of this type. What it had of another type is wiped. */
export function ensureLab(type: 'netns' | 'qemu'): void {
  const present = presentType();
  if (present !== null && present !== type) {
    console.error(`the lab has servers of the type ${present}: it is wiped, and comes up with ${type}`);
    run('up', present);
    run('wipe', present);
    run('down', present);
  }
  run('up', type);
}

/** Of the lab that is there, up or not; null: there is none. */
function presentType(): string | null {
  const state = process.env.WADI_LAB_STATE ?? '/var/tmp/wadi-openstack-lab';
  try {
    return readFileSync(path.join(state, 'virt-type'), 'utf8').trim();
  } catch {
    return null;
  }
}

function run(script: string, type: string): void {
  const env = { ...process.env, WADI_LAB_VIRT_TYPE: type };
  const { status, error } = spawnSync(`${lab}/${script}`, { env, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  console.error(`lab/openstack/${script} failed: ${error?.message ?? status}`);
  process.exit(1);
}
