import type { Body } from './valid-body.ts';

export type Version = 'v1.1' | 'v2';
export const versions: readonly Version[] = ['v1.1', 'v2'];

/** What a field of v2 is called. */
export function wordOf(name: string, version: Version): string {
  return version === 'v1.1' && name === 'plugin_version' ? 'hadoop_version' : name;
}

/** Whether the version has a field of this schema. */
export function isUnknown(schema: { readonly 'x-since'?: string }, version: Version): boolean {
  return version === 'v1.1' && schema['x-since'] === 'v2';
}

const onlyInVersion2 = /^(boot_|instances$|update_keypair$)/;

/** A body of v2 with what the version has of it, in its words. */
export function inWords<T>(value: T, version: Version): T {
  if (version === 'v2' || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => inWords(item, version)) as T;
  const kept = Object.entries(value as Body).filter(([name]) => !onlyInVersion2.test(name));
  return Object.fromEntries(kept.map(([name, item]) => [wordOf(name, version), inWords(item, version)])) as T;
}
