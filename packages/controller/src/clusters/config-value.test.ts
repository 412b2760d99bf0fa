import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configText } from './config-value.ts';

const int = { config_type: 'int', config_values: null } as const;
const bool = { config_type: 'bool', config_values: null } as const;
const enumeration = { config_type: 'enum', config_values: [['fast', 'fast'] as const] } as const;
const string = { config_type: 'string', config_values: null } as const;

describe('the value of a config', () => {
  it('that is a number reaches a script as digits and nothing else, or not at all', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.double(),
      fc.stringMatching(/^-?\d+$/),
    );
    fc.assert(
      fc.property(anything, (value) => {
        const text = configText(int, value);
        if (text !== undefined) expect(text).toMatch(/^-?[0-9]+$/);
      }),
    );
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect([configText(int, value), configText(int, String(value))]).toEqual([`${value}`, `${value}`]);
      }),
    );
  });

  it.each(['', ' 1', '1\n2', '08', '+1', '1e3', '0x1', '1;reboot', true, 1e21, 0.5])(
    '%j is no number',
    (value) => {
      expect(configText(int, value)).toBeUndefined();
    },
  );

  it('is a truth under the names that clients have for it', () => {
    expect([true, 'True', 'false', 'yes', 1, ''].map((value) => configText(bool, value))).toEqual([
      ...['true', 'true', 'false'],
      ...[undefined, undefined, undefined],
    ]);
  });

  it('is one of those that there are', () => {
    expect([configText(enumeration, 'fast'), configText(enumeration, 'fast\n')]).toEqual(['fast', undefined]);
    expect([configText(string, 'a\nb'), configText(string, 5)]).toEqual(['a\nb', '5']);
  });
});
