/** A request of the application, and what has to become of it. */
export interface OutcomeCase {
  /**
   * `METHOD URL`, the method being GET where it is left out. For a connection that comes in: `inbound PORT`, with
   * `plaintext`, `plaintext ALPN`, `tls` or `tls ALPN` behind it, names of protocols separated by commas.
   */
  readonly request: string;
  /** Headers of the request; `host` takes the place of the URL's. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The draw, in [0, 1), of everything that is left to chance: weights, shares of faults and mirrors. @default {0.5} */
  readonly draw?: number;
  /** Shares of the clusters, in percent, over a hundred evenly spread draws. */
  readonly shares?: Readonly<Record<string, number>>;
  /** The parts of the outcome that the configuration decides: of objects only what is named, lists in full. */
  readonly expect?: Readonly<Record<string, unknown>>;
}

/** The requests of one node of a recording. */
export interface OutcomeTable {
  /** `SCENARIO/NODE`. */
  readonly recording: string;
  /** What the client may report of the configuration: parts of the reports. */
  readonly reports?: readonly string[];
  /** Filters that the user skips. */
  readonly skipFilters?: readonly string[];
  /** Documents that the fake does not take, with the cases that depend on them; `null` where it takes none of it. */
  readonly fake: { readonly without: RegExp; readonly skip?: RegExp; readonly registryOnly?: boolean } | null;
  readonly cases: readonly OutcomeCase[];
}

/** The requests of a recording that goes on: by step, `initial` for what was there before. */
export interface OutcomeSequence extends Omit<OutcomeTable, "cases"> {
  readonly steps: Readonly<Record<string, readonly OutcomeCase[]>>;
  /** Cases that the fake is not held against. */
  readonly recordedOnly?: Readonly<Record<string, readonly OutcomeCase[]>>;
}
