/** Characters of a command that the audit log keeps. */
const most = 2000;

const value = String.raw`("[^"]*"|'[^']*'|[^\s'"&;|]+)`;
const name = `[A-Za-z0-9_-]*(?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|credentials?)[A-Za-z0-9_-]*`;

/** A command for people to read later, without what looks like a secret in it. Real secrets belong into stdin or env. */
export function redactCommand(command: string | readonly string[]): string {
  const text = typeof command === 'string' ? command : command.map(quoteForReading).join(' ');
  const redacted = text
    .replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)/gs, '[redacted]')
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi, '$1:[redacted]@')
    .replaceAll(/(authorization:\s*(?:basic|bearer)?\s*|x-auth-token:\s*)[^\s'"]+/gi, '$1[redacted]')
    .replaceAll(new RegExp(`(--?${name}(?:\\s+|=))${value}`, 'gi'), '$1[redacted]')
    .replaceAll(new RegExp(`\\b(${name}\\s*[=:]\\s*)${value}`, 'gi'), '$1[redacted]');
  return redacted.length > most ? `${redacted.slice(0, most)}… (${redacted.length} characters)` : redacted;
}

function quoteForReading(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word}'`;
}
