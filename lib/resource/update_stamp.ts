/** Which update brought a resource; one object for all resources of an update. */
export interface UpdateStamp {
  /** What the control plane calls the push; empty where it says nothing. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}
