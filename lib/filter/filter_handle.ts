/** A filter in use. */
export interface FilterHandle extends AsyncDisposable {
  /** The name of the filter. */
  readonly name: string;
  /**
   * Takes the filter out: requests that begin from now on do not see it, those under way finish with it. Settles when
   * the last of them is over, or after the time a mesh takes to drain: a stream that stays open keeps its filter.
   */
  remove(): Promise<void>;
}

/** The handle of a filter that stands in no chain. */
export function unusedFilter(name: string): FilterHandle {
  const remove = () => Promise.resolve();
  return { name, remove, [Symbol.asyncDispose]: remove };
}
