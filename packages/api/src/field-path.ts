/** Where something stands in a request's body: `['node_groups', 0, 'count']`. */
export type FieldPath = readonly (string | number)[];

/** As errors write it: `node_groups[0][count]`. */
export function fieldText([first = '', ...rest]: FieldPath): string {
  return `${first}${rest.map((part) => `[${part}]`).join('')}`;
}
