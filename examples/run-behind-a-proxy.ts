// node --import tsx examples/run-behind-a-proxy.ts USER PROXY MACHINE KEY-FILE KNOWN-HOSTS-FILE COMMAND...
import { readFileSync } from 'node:fs';
import { IndirectAccess, type Machine } from '@wadi/indirect-access';

const [user = '', proxy = '', inner = '', key = '', known = '', ...command] = process.argv.slice(2);
const hostKeys = readFileSync(known, 'utf8').split('\n');
const machine = (host: string): Machine => {
  const keys = hostKeys.filter((line) => line.startsWith(`${host} `)).map((line) => line.split(' ', 3));
  const pinned = { kind: 'pinned', keys: keys.map(([, type, text]) => `${type} ${text}`) } as const;
  return { id: host, name: host, host, port: 22, user, credential: 'mine', hostKey: pinned };
};

const access = new IndirectAccess({ identity: () => ({ privateKey: readFileSync(key) }) });
const jump = { kind: 'ssh', machine: machine(proxy), relay: 'auto' } as const;
const route = { hops: [{ kind: 'tcp' }, jump], machine: machine(inner) } as const;
const { status, stdout } = await access.exec(route, command).finally(() => access.close());
process.stdout.write(stdout);
process.exitCode = status ?? 1;
