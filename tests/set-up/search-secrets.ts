/** One thing that must not be there, and how it could look. */
interface Planted {
  readonly label: string;
  readonly forms: readonly Buffer[];
}

/** Short values would be found by chance. */
const shortest = 8;

/**
 * The places where a planted secret is, as sentences; empty: nowhere. Private keys are searched line by line and as
 * bytes, because the first lines of an OpenSSH key hold only what its public half holds too.
 */
export function searchSecrets(
  secrets: readonly { name: string; content: Buffer }[],
  evidence: readonly { name: string; content: Buffer }[],
): string[] {
  const planted = secrets.map(({ name, content }) => ({ label: name, forms: formsOf(content) }));
  return evidence.flatMap((piece) => planted.flatMap((secret) => find(secret, piece)));
}

function find({ label, forms }: Planted, { name, content }: { name: string; content: Buffer }): string[] {
  for (const form of forms) {
    const at = content.indexOf(form);
    if (at !== -1) return [`${label} is in ${name} at byte ${at}`];
  }
  return [];
}

function formsOf(secret: Buffer): Buffer[] {
  const text = secret.toString('latin1');
  const pem = /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+([\s\S]*?)\s+-----END/.exec(text)?.[1];
  if (pem === undefined) return encodings(Buffer.from(text.trim(), 'latin1'));
  const lines = pem.split(/\s+/);
  const secretLines = lines.length > 3 && text.includes('OPENSSH') ? lines.slice(2) : lines;
  return secretLines
    .filter((line) => line.length >= 40)
    .flatMap((line) => [Buffer.from(line), ...encodings(Buffer.from(line, 'base64'))]);
}

function encodings(bytes: Buffer): Buffer[] {
  if (bytes.length < shortest) throw new Error(`a planted secret is shorter than ${shortest} bytes`);
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  return [bytes, Buffer.from(bytes.toString('hex')), Buffer.from(base64)];
}
