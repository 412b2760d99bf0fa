import { usageError } from './command-error.ts';
import { expandNodeSet, foldNames } from './node-set.ts';

/** What selection needs to know of an instance. */
export interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly node_group_name: string;
}

/**
 * The machines that the words of `-w` mean, in the cluster's order. A word is a machine's name, with or without
 * the cluster's name before it, its id, or the name of a node group.
 */
export function selectMachines<M extends Candidate>(
  cluster: string,
  machines: readonly M[],
  words: readonly string[],
): M[] {
  const wanted = new Set<string>();
  const unknown: string[] = [];
  for (const word of words.flatMap(expandNodeSet)) {
    const found = machines.filter((machine) => means(cluster, word, machine));
    if (found.length === 0) unknown.push(word);
    for (const machine of found) wanted.add(machine.id);
  }
  if (unknown.length > 0) {
    throw usageError(
      `cluster ${cluster} has no machine or node group named ${foldNames(unknown)}`,
      `Its machines: ${foldNames(machines.map((machine) => machine.name)) || 'none'}`,
    );
  }
  return machines.filter((machine) => wanted.has(machine.id));
}

function means(cluster: string, word: string, machine: Candidate): boolean {
  const names = [machine.name, machine.id, machine.node_group_name];
  return names.includes(word) || machine.name === `${cluster}-${word}`;
}
