import { HeaderList } from "../http/header_list.ts";
import { headersOfMetadata } from "./metadata_headers.ts";
import type { GrpcOutcome } from "./outcome.ts";
import { GrpcStatus } from "./status.ts";

/**
 * How a call ends by what a handler for grpc-js gives as its error: a `ServiceError`, a partial status object, or any
 * error at all, which is UNKNOWN with its message (as in grpc-js, whose copy may be any: only the shape counts).
 *
 * @param error The error.
 * @param trailers Metadata in place of the error's own.
 */
export function handlerOutcome(error: unknown, trailers?: unknown): GrpcOutcome {
  const given: { code?: unknown; details?: unknown; message?: unknown; metadata?: unknown } =
    typeof error === "object" && error !== null ? error : {};
  const pairs = headersOfMetadata(trailers ?? given.metadata);
  const metadata = pairs.length === 0 ? null : new HeaderList(pairs);
  const message = typeof given.message === "string" ? given.message : "Unknown Error";
  if (typeof given.code !== "number" || !Number.isInteger(given.code)) {
    return { status: GrpcStatus.UNKNOWN, details: message, metadata };
  }
  return { status: given.code, details: typeof given.details === "string" ? given.details : message, metadata };
}
