import type { HeaderList } from "../http/header_list.ts";
import { grpcStatusName } from "./status.ts";

/** A call that ends with a status other than OK. Thrown by a handler it is what the caller gets. */
export class GrpcStatusError extends Error {
  /** The status, for example `GrpcStatus.NOT_FOUND`. */
  readonly status: number;
  /** What the caller is told. */
  readonly details: string;
  /** Trailers beside the status, if any. */
  readonly metadata: HeaderList | null;

  /**
   * @param status The status.
   * @param details What the caller is told; plain text, any characters.
   * @param metadata Trailers beside the status, if any.
   */
  constructor(status: number, details: string, metadata: HeaderList | null = null) {
    super(`${grpcStatusName(status)}: ${details}`);
    this.name = "GrpcStatusError";
    this.status = status;
    this.details = details;
    this.metadata = metadata;
  }
}
