/** What a response brings: raw resources by name. */
export interface ResourceUpdate {
  /**
   * Added and changed resources by name, as serialized messages of the type. They are views of the response's buffer:
   * who keeps one for long and drops the rest copies it. Many are unchanged: compare bytes.
   */
  readonly changed: ReadonlyMap<string, Uint8Array>;
  /** Names that are gone. */
  readonly removed: readonly string[];
  /** Whether `changed` is the complete set of the type (SotW); `removed` lists the absent ones in any case. */
  readonly full: boolean;
  /** Version of the push as the control plane calls it, for `/config_dump`; empty where it says none. */
  readonly version: string;
}

/** What is wrong with one resource; several may concern the same name. */
export interface ResourceError {
  readonly name: string;
  readonly message: string;
}

/** Takes resources in. Implemented where configuration is put together; `xds` knows no resource type. */
export interface ResourceSink {
  /**
   * Applies an update of one type, all of it that can be applied. A large one is applied in slices, so that the program
   * goes on meanwhile; the next update waits for it.
   *
   * @returns Every error and everything unsupported, which the control plane is told by a NACK; empty for an ACK.
   */
  apply(typeUrl: string, update: ResourceUpdate): readonly ResourceError[] | Promise<readonly ResourceError[]>;
}

/** What is wanted of a type: names, everything, or nothing at all. An empty set asks for nothing, like `null`. */
export type Wanted = ReadonlySet<string> | "*" | null;

/** Says what to subscribe to. Implemented beside the {@linkcode ResourceSink}. */
export interface SubscriptionSource {
  /** Every type of which something is wanted now; order does not matter. */
  types(): Iterable<string>;
  /** What is wanted of that type now. A set that was given out never changes: a change is another set. */
  wanted(typeUrl: string): Wanted;
  /** Calls `listener` after a change of what is wanted; returns a function that stops it. */
  subscribe(listener: (typeUrl: string) => void): () => void;
}
