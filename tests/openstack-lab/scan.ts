import { spawn } from 'node:child_process';

/** Seconds for one port. */
const deadline = 3;

/** Which of the ports take a connection; `prefix`: words before the program, such as those that enter a namespace. */
export async function openPorts(
  addresses: readonly string[],
  ports: readonly number[],
  prefix: readonly string[] = [],
): Promise<string[]> {
  const places = addresses.flatMap((address) => ports.map((port) => [address, port] as const));
  const open = await Promise.all(
    places.map(async ([address, port]) => {
      const argv = [...prefix, 'nc', '-z', '-w', String(deadline), address, String(port)];
      const child = spawn(argv[0] as string, argv.slice(1), { stdio: 'ignore' });
      const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
      return code === 0 ? [`${address}:${port}`] : [];
    }),
  );
  return open.flat();
}
