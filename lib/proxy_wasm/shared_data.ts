/** A value with the number of its version. */
export interface SharedValue {
  readonly value: Uint8Array;
  /** Never 0. */
  readonly cas: number;
}

/** Data that VMs of the same id share, wherever they run. */
export interface SharedData {
  /** The value of a key; `null` where there is none. */
  get(vmId: string, key: string): SharedValue | null;
  /**
   * Sets a value.
   *
   * @param value Kept, not copied.
   * @param cas The version it replaces; 0 for whatever there is.
   * @returns `false` where another version is there.
   */
  set(vmId: string, key: string, value: Uint8Array, cas: number): boolean;
}
