/**
 * Headers or trailers as a module sees them, with pseudo-headers (`:path`). Names are lower case, values are byte
 * strings as in `HeaderList`.
 */
export interface HeaderMap {
  /** Whether a module may change it now. */
  readonly writable: boolean;
  /** The first value of that name. */
  get(name: string): string | undefined;
  /** Replaces all fields of that name by one; `false` where that name or value cannot be. */
  set(name: string, value: string): boolean;
  /** Adds a field; `false` where that name or value cannot be. */
  add(name: string, value: string): boolean;
  /** Removes all fields of that name. */
  remove(name: string): void;
  /** All fields, flat, pseudo-headers first. Not to be changed, and valid until the next change only. */
  pairs(): readonly string[];
  /** Replaces every field by these, flat; `false` where one of them cannot be. */
  replace(pairs: readonly string[]): boolean;
}
