/** The code of a module, to be had. */
export interface ModuleSource {
  /** For people: a URL, a path, or `inline`. Holds no secret. */
  readonly location: string;
  /** Tells this code from other code: sources of the same key have the same bytes. */
  readonly key: string;
  /**
   * Whether the code is at hand, so that requests wait for it. While any other code is fetched, the failure policy
   * decides what becomes of requests.
   */
  readonly immediate: boolean;
  /**
   * Fetches the code and checks it against its digest, where one is known.
   *
   * @param signal Gives the fetch up.
   * @throws {Error} When it cannot be had; the message says why and what to check.
   */
  load(signal: AbortSignal): Promise<Uint8Array>;
}
