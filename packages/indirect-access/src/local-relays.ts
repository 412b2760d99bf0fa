import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { programFolders } from './local-process.ts';
import { type RelayProgram, relayPrograms } from './relay.ts';

/** The relay programs of this computer, in the order in which they are tried: the same as on a proxy. */
export async function localRelays(): Promise<RelayProgram[]> {
  const lines: string[] = [];
  for (const name of ['nc', 'ncat', 'socat', 'bash']) {
    const program = await findProgram(name);
    if (program) lines.push(`has ${name}`);
    if (program && name === 'nc') lines.push(...(await help(program)).map((line) => `nc: ${line}`));
  }
  return relayPrograms(lines.join('\n'));
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of programFolders) {
    const program = `${folder}/${name}`;
    const found = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return program;
  }
  return undefined;
}

/** Which netcat it is, as it tells itself; its status says nothing. */
function help(program: string): Promise<string[]> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      ['-h'],
      { timeout: 2_000, env: { LC_ALL: 'C' } },
      (_error, stdout, stderr) => resolve(`${stdout}\n${stderr}`.split('\n')),
    );
    child.stdin?.end();
  });
}
