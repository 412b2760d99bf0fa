import type { PluginConfig } from '@wadi/api';

type Value = string | number | boolean;

/**
 * The value as scripts are given it; undefined: the config cannot have it. Numbers and truths may come as text, as forms
 * send them, but are nothing else: scripts put them where a text could say more than a number does.
 */
export function configText(
  { config_type: type, config_values: values }: Pick<PluginConfig, 'config_type' | 'config_values'>,
  value: Value,
): string | undefined {
  const text = String(value);
  switch (type) {
    case 'int':
      return typeof value !== 'boolean' && isWhole(text) ? text : undefined;
    case 'bool':
      // Python's clients write `True`.
      return typeof value !== 'number' && /^(true|false)$/i.test(text) ? text.toLowerCase() : undefined;
    case 'enum':
      return values?.some(([known]) => known === text) ? text : undefined;
    default:
      return text;
  }
}

/** As a shell counts: without leading zeros, and nothing that a double could not hold. */
function isWhole(text: string): boolean {
  return /^(0|-?[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(Number(text));
}

/** What it may be, for people. */
export function kindOfValue({
  config_type: type,
  config_values: values,
}: Pick<PluginConfig, 'config_type' | 'config_values'>): string {
  if (type === 'int') return 'a whole number';
  if (type === 'bool') return 'true or false';
  return `one of ${(values ?? []).map(([value]) => value).join(', ')}`;
}
