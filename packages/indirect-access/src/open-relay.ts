import type { Duplex } from 'node:stream';
import { withDeadline } from './deadline.ts';
import { AccessError } from './errors.ts';
import type { RelayProgram } from './relay.ts';
import { RelayStream } from './relay-stream.ts';
import { type ProcessSite, startProcess } from './remote-process.ts';
import { unreachableHint, unreachableReason } from './unreachable.ts';
import { untilConnected } from './until-connected.ts';

export interface RelayTarget {
  readonly host: string;
  readonly port: number;
  /** Of the machine meant, for errors. */
  readonly name: string;
}

/** Rejects with TARGET_UNREACHABLE, or with NO_RELAY when the program itself does not work. */
export async function openRelay(
  site: ProcessSite,
  program: RelayProgram,
  target: RelayTarget,
  milliseconds: number,
  signal?: AbortSignal,
): Promise<Duplex> {
  const command = program.command(target.host, target.port);
  const process = await startProcess(site, command, {}, signal);
  let said = '';
  process.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString('latin1')}`.slice(-2000);
  });
  const explain = () => relayError(site.name, program, target, said);
  const late = () => relayError(site.name, program, target, 'timed out');
  try {
    await withDeadline({ milliseconds, signal, late, at: { hop: site.name, phase: 'relay' } }, () =>
      untilConnected(process, { text: program.connected }, () => said, explain),
    );
  } catch (error) {
    await process.kill();
    throw error;
  }
  return new RelayStream(process, explain);
}

function relayError(
  proxy: string,
  { relay }: RelayProgram,
  { host, port, name }: RelayTarget,
  said: string,
): AccessError {
  const cause = said.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
  const reason = unreachableReason(said);
  // All of them have words for that it is the target's fault, not theirs.
  if (reason) {
    return new AccessError(
      `${proxy}: ${relay} cannot reach ${name} (${host} port ${port}): ${cause.slice(-200)}`,
      {
        code: 'TARGET_UNREACHABLE',
        reason,
        hop: name,
        phase: 'relay',
        hint: unreachableHint(reason, name, port, proxy),
        retryable: true,
      },
    );
  }
  return new AccessError(`${proxy}: ${relay} did not work: ${cause.slice(-200) || 'it ended at once'}`, {
    code: 'NO_RELAY',
    hop: proxy,
    phase: 'relay',
  });
}
