import type { Cluster } from '@wadi/api';
import type { WadiClient } from '@wadi/client';
import { WadiError } from '@wadi/client';
import type { Command } from 'commander';
import { usageError } from './command-error.ts';
import { type ConnectionOptions, connect } from './connection.ts';

/** What every command that talks to the controller starts with. */
export interface Session {
  readonly client: WadiClient;
  readonly json: boolean;
}

export function openSession(command: Command): Session {
  const options = command.optsWithGlobals<ConnectionOptions & { json?: boolean }>();
  return { client: connect(options), json: options.json ?? false };
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface Named {
  readonly id: string;
  readonly name: string;
}

interface Collection<T extends Named> {
  list(query: { name?: string; limit?: number }): Promise<T[]>;
  get(id: string): Promise<T>;
}

/** The object of that name or id. `kind` in words, for the complaint. */
export async function find<T extends Named>(kind: string, from: Collection<T>, given: string): Promise<T> {
  const found = uuid.test(given) ? await getIfThere(from, given) : await findByName(from, given);
  if (found) return found;
  const names = (await from.list({ limit: 20 })).map((each) => each.name);
  throw usageError(
    `there is no ${kind} named ${given}`,
    names.length > 0 ? `There is: ${names.join(', ')}` : `There is no ${kind} at all yet.`,
  );
}

export async function findCluster(session: Session, given: string): Promise<Cluster> {
  return await find('cluster', session.client.clusters, given);
}

async function findByName<T extends Named>(from: Collection<T>, name: string): Promise<T | undefined> {
  return (await from.list({ name })).find((each) => each.name === name);
}

async function getIfThere<T extends Named>(from: Collection<T>, id: string): Promise<T | undefined> {
  try {
    return await from.get(id);
  } catch (error) {
    if (error instanceof WadiError && error.status === 404) return undefined;
    throw error;
  }
}
