import { invalidArgument } from './invalid-argument.ts';

/** Nova's and Neutron's rules together: up to 60 characters, no slash and no comma. Returns them. */
export function checkTags(tags: readonly string[]): readonly string[] {
  for (const tag of tags)
    if (!/^[^/,\p{Cc}]{1,60}$/u.test(tag))
      throw invalidArgument(`"${tag}" cannot be a tag`, 'use 1 to 60 characters without slash and comma');
  return tags;
}

/** Nova and Neutron read a path as Latin-1, and would store another tag, which is not found again. */
export function checkTagInPath(tag: string, hint: string): void {
  checkTags([tag]);
  if (/[^ -~]/.test(tag))
    throw invalidArgument(
      `"${tag}" cannot be added by itself, since it has other characters than ASCII`,
      hint,
    );
}

/** `a,b`: both of them. */
export function tagsQuery(tags: readonly string[] | undefined): string | undefined {
  return tags && tags.length > 0 ? checkTags(tags).join(',') : undefined;
}

export function hasTags(item: { readonly tags?: readonly string[] }, tags: readonly string[] = []): boolean {
  return tags.every((tag) => item.tags?.includes(tag));
}
