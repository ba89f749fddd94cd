import type { HeaderView, StreamInfo } from "./stream_info.ts";

/**
 * The status codes of gRPC by number: gRPC's name, the spelling of Envoy's `%GRPC_STATUS%`, and the HTTP status it stands
 * for in outlier detection (Envoy's `Grpc::Utility::grpcToHttpStatus`).
 */
const STATUSES: readonly (readonly [name: string, spelling: string, http: number])[] = [
  ["OK", "OK", 200],
  ["CANCELLED", "Canceled", 499],
  ["UNKNOWN", "Unknown", 500],
  ["INVALID_ARGUMENT", "InvalidArgument", 400],
  ["DEADLINE_EXCEEDED", "DeadlineExceeded", 504],
  ["NOT_FOUND", "NotFound", 404],
  ["ALREADY_EXISTS", "AlreadyExists", 409],
  ["PERMISSION_DENIED", "PermissionDenied", 403],
  ["RESOURCE_EXHAUSTED", "ResourceExhausted", 429],
  ["FAILED_PRECONDITION", "FailedPrecondition", 400],
  ["ABORTED", "Aborted", 409],
  ["OUT_OF_RANGE", "OutOfRange", 400],
  ["UNIMPLEMENTED", "Unimplemented", 501],
  ["INTERNAL", "Internal", 500],
  ["UNAVAILABLE", "Unavailable", 503],
  ["DATA_LOSS", "DataLoss", 500],
  ["UNAUTHENTICATED", "Unauthenticated", 401],
];

/** Whether headers say that the content is gRPC: `application/grpc`, or that with a `+suffix`. */
export function hasGrpcContentType(headers: HeaderView | null): boolean {
  const type = headers?.get("content-type");
  return type !== undefined && type.startsWith("application/grpc") &&
    (type.length === 16 || type.charCodeAt(16) === 0x2b);
}

/** The gRPC status that stands for an HTTP status (the table of gRPC's `http-grpc-status-mapping`). */
export function grpcStatusOfHttp(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** The HTTP status that stands for a gRPC status; 500 for numbers no one defined. */
export function httpStatusOfGrpc(status: number): number {
  return STATUSES[status]?.[2] ?? 500;
}

/** A `grpc-status` field; `null` where it is absent or no whole number. */
export function parseGrpcStatus(text: string | undefined): number | null {
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : null;
}

/**
 * The gRPC status of a finished request: of its trailers, of its headers, else what its HTTP status stands for.
 *
 * @returns `null` when the request is no gRPC request, or when nothing was answered.
 */
export function grpcStatusOf(info: StreamInfo): number | null {
  if (!hasGrpcContentType(info.requestHeaders)) return null;
  return parseGrpcStatus(info.responseTrailers?.get("grpc-status")) ??
    parseGrpcStatus(info.responseHeaders?.get("grpc-status")) ??
    (info.responseCode === 0 ? null : grpcStatusOfHttp(info.responseCode));
}

/** The name of a gRPC status, its number where it has none. */
export function grpcStatusName(status: number, style: "camel" | "snake" = "camel"): string {
  const found = STATUSES[status];
  return found === undefined ? String(status) : found[style === "camel" ? 1 : 0];
}
