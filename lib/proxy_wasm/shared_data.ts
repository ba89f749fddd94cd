/** A value with the number of its version. */
export interface SharedValue {
  readonly value: Uint8Array;
  /** Never 0. */
  readonly cas: number;
}

/** What became of setting a value. */
export type SetOutcome =
  | "set"
  /** Another version is there than the one to be replaced. */
  | "mismatch"
  /** VMs of that id keep as much as they may. */
  | "full";

/** Data that VMs of the same id share, wherever they run. */
export interface SharedData {
  /** The value of a key; `null` where there is none. */
  get(vmId: string, key: string): SharedValue | null;
  /**
   * Sets a value.
   *
   * @param value Kept, not copied.
   * @param cas The version it replaces; 0 for whatever there is. A key that is not there takes any.
   */
  set(vmId: string, key: string, value: Uint8Array, cas: number): SetOutcome;
  /** Notes that a VM of that id lives. */
  retain(vmId: string): void;
  /** Notes that one is gone: the data go with the last. */
  release(vmId: string): void;
}
