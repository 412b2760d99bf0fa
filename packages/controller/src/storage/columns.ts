import type { ColumnType } from 'kysely';

/** Set by the database or by us at insert, never changed. */
export type Stamp = ColumnType<Date, Date | string | undefined, never>;
export type Changed = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
/** Whatever JSON the column's owner puts there; the owner's module checks its shape. */
export type Json = Record<string, unknown>;
