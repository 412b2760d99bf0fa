import type { Static, TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import type { Call } from './wire/call.ts';
import { invalidAnswer } from './wire/call-error.ts';
import type { Answer } from './wire/http-client.ts';

/** The answer as the schema has it. An error names the field and quotes nothing. */
export function checkAnswer<Schema extends TSchema>(
  schema: Schema,
  call: Call,
  answer: Answer,
): Static<Schema> {
  let content: unknown;
  try {
    content = JSON.parse(answer.text);
  } catch {
    // Its error would quote the text.
    throw invalidAnswer(call, answer, answer.text === '' ? 'is empty' : 'is not JSON');
  }
  const [problem] = Errors(schema, content);
  if (problem) {
    const field = problem.instancePath.slice(1).replaceAll('/', '.') || 'the whole';
    throw invalidAnswer(call, answer, `is not what was expected: ${field} ${problem.message}`);
  }
  return content as Static<Schema>;
}
