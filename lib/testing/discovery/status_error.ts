/** Status codes the fake answers with (grpc/status.proto). */
export const STATUS = {
  INVALID_ARGUMENT: 3,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** Name of a status code. */
export type StatusName = keyof typeof STATUS;

/** Ends a call with a gRPC status. */
export class StatusError extends Error {
  /** The number on the wire. */
  readonly code: number;

  /** @param status Name of the code. @param message Sent to the client. */
  constructor(status: StatusName, message: string) {
    super(message);
    this.name = "StatusError";
    this.code = STATUS[status];
  }
}
