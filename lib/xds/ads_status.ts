import type { MeshError } from "../errors.ts";

/** What the connection to the control plane is doing. */
export type AdsStatus =
  | { readonly state: "connecting" }
  /** A stream is open and at least one response has arrived on it. */
  | { readonly state: "connected" }
  /** Nobody answers; the last good configuration stays. */
  | {
    readonly state: "waiting";
    readonly error: MeshError;
    /** Whether trying again without changing anything is pointless; it is done nevertheless. */
    readonly permanent: boolean;
    readonly retryInMs: number;
  }
  | { readonly state: "closed" };
