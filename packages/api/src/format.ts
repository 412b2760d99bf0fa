const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** With its dashes or without. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

const label = '[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?';
const tag = '[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?';

/**
 * The string formats that the schemas name besides `uuid`, as Sahara has them. Empty strings pass: whether one may be
 * empty is said by `minLength`.
 */
export const formatPatterns: Readonly<Record<string, string>> = {
  /** Labels of letters, digits and hyphens joined by dots: may become part of a host name. */
  valid_name_hostname: `^(${label}(\\.${label})*)?$`,
  valid_keypair_name: '^[A-Za-z0-9_ -]*$',
  valid_tag: `^(${tag}(\\.${tag})*)?$`,
  posix_path: '^(/[A-Za-z0-9_-]+)*$',
};

export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  ...Object.fromEntries(
    Object.entries(formatPatterns).map(([name, pattern]) => {
      const expression = new RegExp(pattern);
      return [name, (text: string) => expression.test(text)];
    }),
  ),
  uuid: (text) => text === '' || isUuid(text),
};
