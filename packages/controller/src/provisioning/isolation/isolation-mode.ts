/** Of which clusters isolation is proven: of none, of those whose machines were made here, of imported ones too. */
export const isolationModes = ['off', 'created', 'all'] as const;
export type IsolationMode = (typeof isolationModes)[number];
