/** Characters of a command that the audit log keeps. */
const most = 2000;

// Users write the commands, up to 64 KiB, and everybody else waits meanwhile: each of these passes over a text once. A word
// is tried from its beginning only, and no two repetitions that could share characters stand side by side.
const word = '[A-Za-z0-9_-]';
const secret = `(?=${word}*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|credentials?))`;
const value = String.raw`("[^"]*"|'[^']*'|(?:\\.|[^\s'"&;|\\])+)`;
const rules: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)/gs, '[redacted]'],
  [/(:\/\/[^\s/:@]*:)[^\s/]+@/g, '$1[redacted]@'],
  [/(authorization:\s*(?:(?:basic|bearer)\s+)?|x-auth-token:\s*)[^\s'"]+/gi, '$1[redacted]'],
  [/((?<!\S)(?:-u|--user)[\s=]\s*['"]?[^\s:'"]+:)[^\s'"]+/g, '$1[redacted]'],
  [
    new RegExp(
      String.raw`(?<!${word})${secret}(-{1,2}${word}+\s+|${word}+(?:\\?["'])?\s*[=:]\s*)${value}`,
      'gis',
    ),
    '$1[redacted]',
  ],
];
/** An argument whose rest is secret, and one after which a secret comes. */
const assignment = new RegExp(String.raw`^${secret}${word}+\s*[=:]`, 'i');
const flag = new RegExp(`^${secret}-{1,2}${word}+$`, 'i');

/** A command for people to read later, without what looks like a secret in it. Real secrets belong into stdin or env. */
export function redactCommand(command: string | readonly string[]): string {
  const redacted = typeof command === 'string' ? redactText(command) : redactWords(command);
  return redacted.length > most ? `${redacted.slice(0, most)}… (${redacted.length} characters)` : redacted;
}

function redactText(text: string): string {
  return rules.reduce((rest, [pattern, replacement]) => rest.replaceAll(pattern, replacement), text);
}

/** Where a secret ends is known here, whatever is in it. */
function redactWords(words: readonly string[]): string {
  return words
    .map((each, index) => {
      if (flag.test(words[index - 1] ?? '')) return '[redacted]';
      // What follows -c is a shell's text: more than a secret.
      const [name] = words[index - 1] === '-c' ? [] : (assignment.exec(each) ?? []);
      return quoteForReading(name === undefined ? redactText(each) : `${name}[redacted]`);
    })
    .join(' ');
}

function quoteForReading(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,[\]-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
