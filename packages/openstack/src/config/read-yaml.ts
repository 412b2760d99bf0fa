import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { OpenStackError } from '../errors.ts';

export type Mapping = Readonly<Record<string, unknown>>;

const mostBytes = 1024 * 1024;

/** The file's content, a mapping. An error says where, and quotes nothing: passwords are in there. */
export function readYaml(file: string): Mapping {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new OpenStackError(`${file} cannot be read: ${code}`, {
      code: 'CONFIG_INVALID',
      hint: code === 'EACCES' ? 'let the user that runs this read it' : 'see that it is a readable file',
    });
  }
  return parseYaml(file, text);
}

export function parseYaml(file: string, text: string): Mapping {
  if (text.length > mostBytes) throw broken(file, 'is longer than 1 MiB');
  const lines = new LineCounter();
  // Pretty errors would hold the lines around the place.
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, logLevel: 'silent' });
  const [problem] = document.errors;
  if (problem) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw broken(file, `is not YAML: line ${line}, column ${col}: ${describe(problem.code)}`);
  }
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 50 });
  } catch {
    throw broken(file, 'has an alias (*name) that leads nowhere, or too many of them');
  }
  if (content === null || content === undefined) return {};
  if (!isMapping(content)) throw broken(file, 'is not a mapping at its top');
  return content;
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function broken(file: string, problem: string): OpenStackError {
  return new OpenStackError(`${file} ${problem}`, {
    code: 'CONFIG_INVALID',
    hint: 'correct the file; its top key is `clouds`',
  });
}

/** `BAD_INDENT` as `bad indent`. */
function describe(code: string): string {
  return code.toLowerCase().replaceAll('_', ' ');
}
