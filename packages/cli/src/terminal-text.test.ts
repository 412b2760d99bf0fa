import { expect, it } from 'vitest';
import { neutralise } from './terminal-text.ts';

it.each([
  ['plain text, ümlaut and 漢字\tstay\n', 'plain text, ümlaut and 漢字\tstay\n'],
  ['colour \u001b[31mred', 'colour ␛[31mred'],
  ['clipboard \u001b]52;c;cm0gLXJm\u0007', 'clipboard ␛]52;c;cm0gLXJm␇'],
  ['C1 introducer \u009b31m', 'C1 introducer \\u{9b}31m'],
  ['back\rover', 'back␍over'],
  ['right to left \u202e', 'right to left \\u{202e}'],
  ['delete \u007f', 'delete ␡'],
])('%j is shown as %j', (text, shown) => {
  expect(neutralise(text)).toBe(shown);
});
