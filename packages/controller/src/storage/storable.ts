/** As PostgreSQL can keep it: what a machine says may hold a NUL, or half of a surrogate pair. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd').replace(/\p{Surrogate}/gu, '\ufffd');
}

/** JSON whose texts can be kept. */
export function storableJson(value: object): string {
  return JSON.stringify(value, (_key, each) => (typeof each === 'string' ? storable(each) : each));
}
