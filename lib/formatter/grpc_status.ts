import type { HeaderView, StreamInfo } from "./stream_info.ts";

/** Names of the gRPC status codes by number, in the spelling of Envoy's `%GRPC_STATUS%`. */
const NAMES = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
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
  const name = NAMES[status];
  if (name === undefined) return String(status);
  if (style === "camel" || name === "OK") return name;
  if (name === "Canceled") return "CANCELLED";
  return name.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
