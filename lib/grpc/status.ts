import * as statuses from "../formatter/grpc_status.ts";

/** Status codes of gRPC. */
export const GrpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** The name of a status code for logs and errors; codes no one defined come out as their number. */
export function grpcStatusName(code: number): string {
  return statuses.grpcStatusName(code, "snake");
}

/** The value of a `grpc-status` field as a number; anything that is not a status is `UNKNOWN`. */
export function parseGrpcStatus(value: string): number {
  return statuses.parseGrpcStatus(value) ?? GrpcStatus.UNKNOWN;
}
