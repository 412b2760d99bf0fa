import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ExplainStep } from './hop-timeline.ts';
import { direct, eventually, openSockets, TestBed, through } from './test-access.ts';
import type { TestSshd } from './test-sshd.ts';

const bed = new TestBed();
let proxy: TestSshd;
let inner: TestSshd;

beforeAll(async () => {
  [proxy, inner] = await Promise.all([bed.sshd('proxy'), bed.sshd('inner')]);
});
afterEach(() => bed.reset());
afterAll(() => bed.stop());

async function all(steps: AsyncIterable<ExplainStep>): Promise<ExplainStep[]> {
  const found: ExplainStep[] = [];
  for await (const step of steps) found.push(step);
  return found;
}

const words = ({ hop, phase, ok, error }: ExplainStep) =>
  `${hop} ${phase} ${ok ? 'ok' : (error?.code ?? '?')}`;
const login = ['dial', 'banner', 'key-exchange', 'host-key', 'authentication'];

describe('explain', () => {
  it('tells of each phase of each hop, over connections of its own that it closes', async () => {
    const access = bed.access();
    const steps = await all(access.explain(through(proxy.machine(), inner.machine())));
    expect(steps.map(words)).toEqual([
      ...login.map((phase) => `proxy ${phase} ok`),
      ...login.map((phase) => `inner ${phase} ok`),
      'inner command ok',
    ]);
    expect(steps.every(({ milliseconds }) => milliseconds >= 0 && milliseconds < 30_000)).toBe(true);
    expect(steps.find(({ hop, phase }) => hop === 'inner' && phase === 'dial')?.detail).toBe(
      `127.0.0.1 port ${inner.port} from proxy by direct-tcpip`,
    );
    expect(access.stats().connections).toEqual([]);
    expect(bed.events).toEqual([]);
  });

  it('leaves what is open as it is', async () => {
    const access = bed.access();
    const route = through(proxy.machine(), inner.machine());
    await access.exec(route, 'true');
    const before = access.stats().connections;
    expect((await all(access.explain(route))).at(-1)).toMatchObject({ ok: true });
    expect(before).toHaveLength(2);
    expect(access.stats().connections).toEqual(before);
    expect((await access.exec(route, 'echo still')).stdout.toString()).toBe('still\n');
  });

  it('stops at a machine whose key nobody pinned, shows the key, and pins nothing', async () => {
    let asked = 0;
    const pinHostKey = async (_: unknown, key: string) => {
      asked += 1;
      return key;
    };
    const access = bed.access({ pinHostKey });
    const unknown = inner.machine({ hostKey: { kind: 'first-contact' } });
    const steps = await all(access.explain(through(proxy.machine(), unknown)));
    expect(steps.map(words).slice(-2)).toEqual(['inner key-exchange ok', 'inner host-key HOST_KEY_REFUSED']);
    expect(steps.at(-1)?.error?.message).toContain('SHA256:');
    expect(asked).toBe(0);
    await access.exec(direct(unknown), 'true');
    expect(asked).toBe(1);
    // What this access has learned in the meantime counts.
    expect((await all(access.explain(direct(unknown)))).at(-1)).toMatchObject({ ok: true });
  });

  it('walks what routes have in common once', async () => {
    const access = bed.access();
    const explainer = access.explainer();
    const accepted = () => proxy.log().match(/Accepted publickey/g)?.length ?? 0;
    const before = accepted();
    const route = through(proxy.machine(), inner.machine());
    const ways = [route, direct(proxy.machine()), { ...route, machine: inner.machine({ id: 'other' }) }];
    const told = await Promise.all(ways.map((each) => all(explainer.explain(each))));
    for (const steps of told) expect(steps.at(-1)).toMatchObject({ phase: 'command', ok: true });
    expect(accepted()).toBe(before + 1);
    await explainer.close();
  });

  it('ends at its limit, at the abort of its caller and with its access, and leaves no socket', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const route = direct(inner.machine({ port }));
    const access = bed.access();
    const limited = await all(access.explain(route, { limit: 50 }));
    expect(limited.at(-1)).toMatchObject({ hop: 'inner', ok: false, error: { code: 'TIMEOUT' } });
    const signal = AbortSignal.timeout(50);
    await expect(all(access.explain(route, { signal }))).rejects.toMatchObject({ code: 'CANCELLED' });
    const short = await all(access.explain(route, { deadlines: { banner: 50 } }));
    expect(short.at(-1)).toMatchObject({ phase: 'banner', error: { code: 'NOT_SSH' } });
    const closing = all(access.explain(route));
    await Promise.all([expect(closing).rejects.toMatchObject({ code: 'CLOSED' }), access.close()]);
    await expect(all(access.explain(route))).rejects.toMatchObject({ code: 'CLOSED' });
    await new Promise((resolve) => silent.close(resolve));
    expect(await eventually(() => openSockets() === 0)).toBe(true);
  });
});
