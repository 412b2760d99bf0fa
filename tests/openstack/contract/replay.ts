import type { OpenStack } from '@wadi/openstack';
import type { Exchange } from './exchange.ts';
import { Player } from './player.ts';
import { perform, type Scenario } from './stage.ts';
import {
  freshIdInRecordings,
  logInAs,
  passwordInRecordings,
  player as playerName,
  stranger as strangerName,
} from './users.ts';

/** More looks than were recorded: the client does not see what was seen then. */
const mostLooks = 1000;

/** Plays the scenario against the recording. Throws where the client asks otherwise than it did then. */
export async function replay(
  scenario: Scenario,
  exchanges: readonly Exchange[],
  noting: (openstack: OpenStack) => OpenStack = (openstack) => openstack,
): Promise<void> {
  const player = await Player.start(exchanges);
  const clients = [playerName, strangerName].map((name) =>
    noting(logInAs(name, player.origin, passwordInRecordings, 1)),
  ) as [OpenStack, OpenStack];
  try {
    await perform(scenario, {
      openstack: clients[0],
      stranger: clients[1],
      freshId: freshIdInRecordings,
      limit: async () => undefined,
      again: async (n) => {
        if (n === mostLooks) throw new Error(`${scenario.name}: never as wanted`);
      },
    }).catch((error) => {
      throw player.problem === null
        ? error
        : new Error(`${scenario.name}: ${player.problem}`, { cause: error });
    });
    if (player.problem !== null) throw new Error(`${scenario.name}: ${player.problem}`);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await player.stop();
  }
}
