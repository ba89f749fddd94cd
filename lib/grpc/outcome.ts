import type { HeaderList } from "../http/header_list.ts";

/** How a call ends. A `GrpcStatusError` is one. */
export interface GrpcOutcome {
  /** The status, for example `GrpcStatus.NOT_FOUND`. */
  readonly status: number;
  /** What the caller is told. */
  readonly details: string;
  /** Trailers beside the status, if any. */
  readonly metadata: HeaderList | null;
}
