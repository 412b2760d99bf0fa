import type { AddressInfo } from 'node:net';
import ssh2 from 'ssh2';

/** Takes any key and refuses every channel, for a reason that OpenSSH would never give. */
export async function refusingServer(
  hostKey: string,
  reason: string,
): Promise<{ readonly port: number; close(): void }> {
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on('error', () => {}).on('authentication', (context) => context.accept());
    client.on('session', (_accept, reject) => reject()).on('tcpip', (_accept, reject) => reject());
    // ssh2's own reason is always empty.
    const { _protocol: protocol } = client as unknown as {
      _protocol: { channelOpenFail(id: number, code: number, text: string): void };
    };
    const fail = protocol.channelOpenFail.bind(protocol);
    protocol.channelOpenFail = (id, code) => fail(id, code, reason);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}
