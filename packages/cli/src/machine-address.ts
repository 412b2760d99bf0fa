import { usageError } from './command-error.ts';

export interface MachineAddress {
  readonly cluster: string;
  readonly node: string;
  readonly port: number;
  /** With query; begins with a slash. */
  readonly path: string;
}

/** `CLUSTER/NODE:PORT/PATH` */
export function parseMachineAddress(text: string): MachineAddress {
  const match = /^([^/:\s]+)\/([^/:\s]+):(\d{1,5})(?:(\/.*)|(\?.*))?$/.exec(text);
  const [, cluster, node, digits, path, query] = match ?? [];
  const port = Number(digits);
  if (cluster === undefined || node === undefined || port < 1 || port > 65_535) {
    throw usageError(
      `"${text}" is not an address of a machine`,
      'It looks like example/worker-1:8080/index.html.',
    );
  }
  return { cluster, node, port, path: path ?? `/${query ?? ''}` };
}
