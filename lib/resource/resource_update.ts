/** An update of one kind of resource. */
export interface ResourceUpdate {
  /** Bytes by name. They may be the same as before. */
  readonly changed: ReadonlyMap<string, Uint8Array>;
  /** Names that are gone. */
  readonly removed: Iterable<string>;
  /** Whether `changed` is everything (state of the world): names that are not in it are gone. */
  readonly full?: boolean;
  /** What the control plane calls the push. @default {""} */
  readonly version?: string;
}

/** What the control plane is to be told about one resource of an update. */
export interface ResourceReport {
  readonly name: string;
  /** Every reason. */
  readonly errors: readonly string[];
  /** True: the resource is in use, without what these errors name. False: its last good version stays in use. */
  readonly applied: boolean;
}
