import type { Fields } from "../fields.ts";

/** Faults put into a share of the requests. */
export interface Fault {
  readonly delay:
    | {
      readonly fixedMs: number;
      readonly percent: number | undefined;
      /** The share of older documents, where `percent` is not there. */
      readonly wholePercent: number;
    }
    | undefined;
  readonly abort:
    | {
      readonly status: { readonly kind: "http" | "grpc"; readonly code: number };
      readonly percent: number | undefined;
    }
    | undefined;
}

/** Names of gRPC status codes by number (grpc/status.proto). */
const GRPC_STATUS = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** Reads `fault`. A fault without a percentage hits nothing, as in Istio. */
export function parseFault(fields: Fields | undefined): Fault | undefined {
  if (fields === undefined) return undefined;
  fields.only("delay", "abort");
  return { delay: parseDelay(fields.object("delay")), abort: parseAbort(fields.object("abort")) };
}

function parseDelay(fields: Fields | undefined): Fault["delay"] {
  if (fields === undefined) return undefined;
  fields.only("fixedDelay", "percentage", "percent");
  const fixedMs = fields.durationMs("fixedDelay");
  if (fixedMs === undefined) throw fields.error("fixedDelay", "is required");
  return { fixedMs, percent: parsePercent(fields, "percentage"), wholePercent: fields.number("percent", 0, 100) ?? 0 };
}

function parseAbort(fields: Fields | undefined): Fault["abort"] {
  if (fields === undefined) return undefined;
  fields.only("httpStatus", "grpcStatus", "percentage");
  const grpc = fields.oneOf("grpcStatus", GRPC_STATUS);
  const http = fields.number("httpStatus", 200, 599);
  if ((grpc === undefined) === (http === undefined)) {
    throw fields.error("httpStatus", "is required, or 'grpcStatus' in its place");
  }
  return {
    status: grpc === undefined ? { kind: "http", code: http! } : { kind: "grpc", code: GRPC_STATUS.indexOf(grpc) },
    percent: parsePercent(fields, "percentage"),
  };
}

/** Reads `{ value: PERCENT }`, `undefined` where absent. */
export function parsePercent(parent: Fields, name: string): number | undefined {
  const fields = parent.object(name);
  fields?.only("value");
  return fields === undefined ? undefined : fields.number("value", 0, 100) ?? 0;
}
