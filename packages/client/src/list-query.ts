/** What the lists of templates and clusters understand. */
export interface ListQuery {
  /** The whole name. */
  readonly name?: string;
  readonly plugin_name?: string;
  readonly plugin_version?: string;
  readonly limit?: number;
  /** Id of the last object of the page before. */
  readonly marker?: string;
  /** A field, `-field` for descending. */
  readonly sort_by?: string;
}
