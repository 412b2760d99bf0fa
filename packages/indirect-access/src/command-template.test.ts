import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandKeys, fillCommand, parseCommandTemplate, usedKeys } from './command-template.ts';

describe('a command that makes the first hop', () => {
  it.each([
    ['nc {host} {port}', ['nc', '{host}', '{port}']],
    ['ssh -W {host}:{port}  relay-{tenant_id}', ['ssh', '-W', '{host}:{port}', 'relay-{tenant_id}']],
    [`/opt/my\\ nc 'a b' "c \\" d" '' {host} {port}`, ['/opt/my nc', 'a b', 'c " d', '', '{host}', '{port}']],
    [
      'ip netns exec qrouter-{router_id} nc "{host}" {port}',
      ['ip', 'netns', 'exec', 'qrouter-{router_id}', 'nc', '{host}', '{port}'],
    ],
    ["nc '|' {host} {port}", ['nc', '|', '{host}', '{port}']],
  ])('is split into its words once: %s', (text, words) => {
    expect(parseCommandTemplate(text)).toEqual(words);
  });

  it.each([
    ['nc {hst} {port}', "unknown key '{hst}' at position 4"],
    ['nc {host} {port', "'{port' at position 11 does not end"],
    ['nc {host} {port}}', "'}' at position 17 ends nothing"],
    ['nc {HOST} {port}', "unknown key '{HOST}' at position 4"],
    ['nc {} {host} {port}', "unknown key '{}' at position 4"],
    ['nc { host} {port}', "unknown key '{ host}' at position 4"],
    ['nc {host.__class__} {port}', "unknown key '{host.__class__}' at position 4"],
    ['nc {{host}} {port}', "unknown key '{{host}' at position 4"],
    ['nc {constructor} {host} {port}', "unknown key '{constructor}' at position 4"],
    ['nc {host}', '{port} is missing'],
    ['nc {port}', '{host} is missing'],
    ['', 'it names no program'],
    ['   ', 'it names no program'],
    ['{host} {port}', 'the program itself'],
    ["nc {host} {port} 'a", 'the quote at position 18 does not end'],
    ['nc {host} {port} \\', 'it ends in a backslash'],
    ['nc {host} {port} | tee log', "'|' at position 18: no shell"],
    ['nc $(id) {host} {port}', "'$' at position 4: no shell"],
    ['nc {host} {port}; true', "';' at position 17: no shell"],
    ['nc {host}\n{port}', 'a control character at position 10'],
    [`nc {host} {port} ${'x'.repeat(5000)}`, 'more than 4096'],
  ])('is refused with the key and its position: %s', (text, message) => {
    expect(() => parseCommandTemplate(text)).toThrow(message);
  });

  it.each([
    { host: '-oProxyCommand=id' },
    { host: 'a b' },
    { host: '10.0.0.1;id' },
    { host: 'fe80::1%eth0' },
    { port: '0' },
    { port: '65536' },
    { port: '-1' },
    { router_id: '../x' },
    { router_id: '-x' },
    { router_id: '' },
    { router_id: '{host}' },
  ])('takes no value that could be anything else: %j', (value) => {
    const words = parseCommandTemplate('nc {host} {port} {router_id}');
    const values = { host: '10.0.0.1', port: '22', router_id: 'r', ...value };
    expect(() => fillCommand(words, values)).toThrow('not a value for');
  });

  it('says which value nobody gave', () => {
    const words = parseCommandTemplate('nc {host} {port} {router_id}');
    expect(() => fillCommand(words, { host: 'h', port: '22' })).toThrow('{router_id}');
  });

  it('has as many words as were written, whatever the values', () => {
    const written = fc.array(
      fc.oneof(
        fc.constantFrom(...commandKeys.map((key) => `{${key}}`)),
        fc.stringMatching(/^[a-z0-9=:/.-]{1,8}$/),
      ),
      { minLength: 1, maxLength: 8 },
    );
    const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,20}$/);
    const values = fc.record({
      host: fc.oneof(fc.ipV4(), fc.ipV6()),
      port: fc.integer({ min: 1, max: 65_535 }).map(String),
      tenant_id: id,
      network_id: id,
      router_id: id,
    });
    fc.assert(
      fc.property(written, values, (words, given) => {
        const all = ['nc', '{host}', '{port}', ...words];
        const parsed = parseCommandTemplate(all.join(' '));
        expect(parsed).toEqual(all);
        const filled = fillCommand(parsed, given);
        expect(filled.length).toBe(all.length);
        expect(filled.join(' ')).not.toMatch(/[{}]/);
        for (const key of usedKeys(parsed)) expect(filled.join(' ')).toContain(given[key]);
      }),
    );
  });

  it('never fails in any other way than by a refusal', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...`nc{}host port"'\\ \t$|a`) }), (text) => {
        try {
          expect(parseCommandTemplate(text).length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
        }
      }),
    );
  });
});
