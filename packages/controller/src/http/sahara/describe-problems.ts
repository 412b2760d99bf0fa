import type { ValidationProblem } from '../server.ts';

/**
 * What ajv found, in the shape of the contract: a line for each problem, `path: message`. Values are not repeated:
 * what Wadi's own routes are sent may be secret.
 */
export function describeProblems(problems: readonly ValidationProblem[], part: string): string {
  return problems
    .map(({ instancePath, message, params }) => {
      const [first, ...rest] = instancePath.split('/').slice(1).map(unescapePointer);
      const path = first === undefined ? part : `${first}${rest.map((step) => `[${step}]`).join('')}`;
      const extra = params.additionalProperty ? ` ('${params.additionalProperty}' was unexpected)` : '';
      return `${path}: ${message ?? 'is wrong'}${extra}`;
    })
    .join('\n');
}

/** RFC 6901, section 4. */
function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}
