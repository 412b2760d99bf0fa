/**
 * Services quote what they were sent. Takes these texts out of what they say, also as JSON and Python write them; before it
 * is shortened, since a half would not be found.
 */
export function mask(text: string, secrets: readonly string[]): string {
  let masked = text;
  for (const secret of secrets) {
    if (secret === '') continue;
    for (const form of formsOf(secret)) masked = masked.replaceAll(form, '[secret]');
  }
  // Nova quotes the whole of a field that it does not like, and may shorten it first.
  return masked.replace(/(user_data|adminPass|password)\b(.{0,20}?)Value: [\s\S]*/g, '$1$2Value: [secret]');
}

function formsOf(secret: string): readonly string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const twice = JSON.stringify(json).slice(1, -1);
  const ascii = json.replace(
    /[\u0080-\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const python = secret.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n');
  const html = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  // The longest first: a shorter one would leave its surroundings.
  return [...new Set([twice, ascii, json, python, html, secret])].sort((a, b) => b.length - a.length);
}
