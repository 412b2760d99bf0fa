const label = '[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?';
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** With its dashes or without. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/**
 * The string formats that the schemas name, as Sahara has them. Empty strings pass: whether one may be empty is
 * said by `minLength`.
 */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  /** Labels of letters, digits and hyphens joined by dots: may become part of a host name. */
  valid_name_hostname: matches(new RegExp(`^${label}(\\.${label})*$`)),
  valid_keypair_name: matches(/^[A-Za-z0-9_ -]+$/),
  valid_tag: matches(/^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$/),
  posix_path: matches(/^(\/[A-Za-z0-9_-]+)+$/),
  uuid: (text) => text === '' || isUuid(text),
};

function matches(pattern: RegExp) {
  return (text: string) => text === '' || pattern.test(text);
}
