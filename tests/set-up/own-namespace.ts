import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
let count = 0;

/** Between the two. */
const near = '192.0.2.2';
const far = '192.0.2.1';

/**
 * A network namespace for one program that is to be watched: whatever it says to others goes through another namespace, whose
 * address it seems to have, and is counted.
 */
export class OwnNamespace {
  readonly name: string;
  readonly #behind: string;
  readonly #device: string;
  readonly #filtered: boolean;

  private constructor(name: string, behind: string, device: string, filtered: boolean) {
    this.name = name;
    this.#behind = behind;
    this.#device = device;
    this.#filtered = filtered;
  }

  /** `doors`: ports on its own loopback that lead outside, too. `filtered`: what is behind passes on only what it is told to. */
  static async open(
    behind: string,
    {
      doors = [],
      filtered = false,
    }: { readonly doors?: readonly number[]; readonly filtered?: boolean } = {},
  ): Promise<OwnNamespace> {
    const id = `${process.pid}-${++count}`;
    const own = new OwnNamespace(`own-${id}`, behind, `own${id}`, filtered);
    await ip('netns', 'add', own.name);
    await ip(
      '-n',
      behind,
      'link',
      'add',
      own.#device,
      'type',
      'veth',
      'peer',
      'name',
      'outside',
      'netns',
      own.name,
    );
    for (const words of [
      ['link', 'set', 'lo', 'up'],
      ['address', 'add', `${near}/30`, 'dev', 'outside'],
      ['link', 'set', 'outside', 'up'],
      ['route', 'add', 'default', 'via', far],
    ])
      await ip('-n', own.name, ...words);
    await ip('-n', behind, 'address', 'add', `${far}/30`, 'dev', own.#device);
    await ip('-n', behind, 'link', 'set', own.#device, 'up');
    await within(behind, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    if (filtered) await within(behind, 'iptables', '-I', ...own.#passing);
    await nft(
      behind,
      `table ip ${own.#device} { chain out { type nat hook postrouting priority 100; ip saddr ${near} masquerade; }; }`,
    );
    // 60 bytes are no more than headers: acknowledgements, and the end of a connection whose program ended.
    const isOnLoopback =
      doors.length > 0 ? `oifname "lo" tcp dport != { ${doors} } accept;` : 'oifname "lo" accept;';
    await nft(
      own.name,
      `table ip seen {
         counter calls { }
         chain out { type filter hook output priority 0;
           ${isOnLoopback}
           meta l4proto udp counter name calls accept;
           tcp flags & (syn | ack) == syn counter name calls accept;
           ip length > 60 counter name calls; }; }`,
    );
    return own;
  }

  argv(program: readonly string[]): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.name}`, ...program];
  }

  /** Connections begun and packets with something in them since the last time that this was asked. */
  async calls(): Promise<number> {
    const said = await within(this.name, 'nft', 'reset', 'counter', 'ip', 'seen', 'calls');
    return Number(/packets (\d+)/.exec(said)?.[1]);
  }

  get #passing(): readonly string[] {
    return ['FORWARD', '-i', this.#device, '-j', 'ACCEPT'];
  }

  async close(): Promise<void> {
    if (this.#filtered) await within(this.#behind, 'iptables', '-D', ...this.#passing);
    await nft(this.#behind, `delete table ip ${this.#device}`);
    await ip('-n', this.#behind, 'link', 'delete', this.#device);
    await ip('netns', 'delete', this.name);
  }
}

async function ip(...words: readonly string[]): Promise<void> {
  await execute('ip', words);
}

async function within(namespace: string, ...program: readonly string[]): Promise<string> {
  return (await execute('nsenter', [`--net=/run/netns/${namespace}`, ...program])).stdout;
}

async function nft(namespace: string, rules: string): Promise<void> {
  await within(namespace, 'nft', rules);
}
