import type { UpdateStamp } from "./update_stamp.ts";

/** A resource that was refused, or applied without what it names that is not supported. */
export interface ResourceFailure {
  /** Every reason. */
  readonly errors: readonly string[];
  /** The update that brought it. */
  readonly stamp: UpdateStamp;
  /** The refused bytes; `null` where they are in use. */
  readonly bytes: Uint8Array | null;
}

/** What the store holds under one name, for admin pages. */
export interface ResourceRecord {
  readonly name: string;
  /** In use; `null` where nothing is (yet). */
  readonly active: StoredBytes | null;
  /** Valid, and waits for what it refers to; `null` for none. */
  readonly warming: StoredBytes | null;
  /** What is wrong with the newest version that came; `null` where nothing is. */
  readonly failure: ResourceFailure | null;
}

/** A resource as it came. */
export interface StoredBytes {
  /** The message. */
  readonly bytes: Uint8Array;
  /** The update that brought it. */
  readonly stamp: UpdateStamp;
}
