/**
 * The one error class of enmesh and its closed set of codes.
 *
 * @module
 */

/** What a code means to a peer: Envoy's response flag, an HTTP status and a gRPC status code. */
export interface ErrorMeaning {
  /** Envoy's short response flag (`%RESPONSE_FLAGS%`), `-` where Envoy has none. */
  readonly flag: string;
  /** HTTP status of the local reply. */
  readonly status: number;
  /** gRPC status code of the local reply (Envoy maps it from the HTTP status). */
  readonly grpcStatus: number;
}

function meaning(flag: string, status: number, grpcStatus: number): ErrorMeaning {
  return { flag, status, grpcStatus };
}

/** A stable identifier of what went wrong. */
export type MeshErrorCode =
  | "CONFIG_INVALID"
  | "PERMISSION_MISSING"
  | "SIDECAR_PRESENT"
  | "IDENTITY_REJECTED"
  | "CONTROL_PLANE_UNAVAILABLE"
  | "MESH_CLOSED"
  | "ABORTED"
  | "NO_ROUTE_FOUND"
  | "NO_CLUSTER_FOUND"
  | "NO_HEALTHY_UPSTREAM"
  | "UPSTREAM_CONNECTION_FAILURE"
  | "UPSTREAM_CONNECTION_TERMINATION"
  | "UPSTREAM_OVERFLOW"
  | "UPSTREAM_REMOTE_RESET"
  | "UPSTREAM_REFUSED_STREAM"
  | "UPSTREAM_REQUEST_TIMEOUT"
  | "UPSTREAM_PROTOCOL_ERROR"
  | "DNS_RESOLUTION_FAILED"
  | "DOWNSTREAM_PROTOCOL_ERROR"
  | "DOWNSTREAM_CONNECTION_TERMINATION"
  | "STREAM_IDLE_TIMEOUT"
  | "DURATION_TIMEOUT"
  | "REQUEST_HEADERS_TOO_LARGE"
  | "PAYLOAD_TOO_LARGE"
  | "UPGRADE_UNSUPPORTED"
  | "FAULT_INJECTED"
  | "RATE_LIMITED"
  | "ACCESS_DENIED"
  | "FILTER_FAILED"
  | "FILTER_CONFIG_NOT_FOUND"
  | "PEER_NOT_VERIFIED";

/** Every code with its meaning. Start-up codes never reach a peer and carry 500. */
const MEANINGS: Readonly<Record<MeshErrorCode, ErrorMeaning>> = {
  // Start-up and use of the API.
  CONFIG_INVALID: meaning("-", 500, 13),
  PERMISSION_MISSING: meaning("-", 500, 13),
  SIDECAR_PRESENT: meaning("-", 500, 13),
  IDENTITY_REJECTED: meaning("-", 500, 16),
  CONTROL_PLANE_UNAVAILABLE: meaning("-", 503, 14),
  MESH_CLOSED: meaning("-", 503, 14),
  ABORTED: meaning("DC", 0, 1),
  // Requests; the names follow Envoy's `ResponseFlag`.
  NO_ROUTE_FOUND: meaning("NR", 404, 12),
  NO_CLUSTER_FOUND: meaning("NC", 503, 14),
  NO_HEALTHY_UPSTREAM: meaning("UH", 503, 14),
  UPSTREAM_CONNECTION_FAILURE: meaning("UF", 503, 14),
  UPSTREAM_CONNECTION_TERMINATION: meaning("UC", 503, 14),
  UPSTREAM_OVERFLOW: meaning("UO", 503, 14),
  UPSTREAM_REMOTE_RESET: meaning("UR", 503, 14),
  UPSTREAM_REFUSED_STREAM: meaning("UR", 503, 14),
  UPSTREAM_REQUEST_TIMEOUT: meaning("UT", 504, 14),
  UPSTREAM_PROTOCOL_ERROR: meaning("UPE", 502, 14),
  DNS_RESOLUTION_FAILED: meaning("DF", 503, 14),
  DOWNSTREAM_PROTOCOL_ERROR: meaning("DPE", 400, 13),
  DOWNSTREAM_CONNECTION_TERMINATION: meaning("DC", 0, 1),
  STREAM_IDLE_TIMEOUT: meaning("SI", 408, 14),
  DURATION_TIMEOUT: meaning("DT", 504, 14),
  REQUEST_HEADERS_TOO_LARGE: meaning("-", 431, 13),
  PAYLOAD_TOO_LARGE: meaning("-", 413, 13),
  UPGRADE_UNSUPPORTED: meaning("-", 403, 7),
  FAULT_INJECTED: meaning("FI", 503, 14),
  RATE_LIMITED: meaning("RL", 429, 14),
  ACCESS_DENIED: meaning("-", 403, 7),
  FILTER_FAILED: meaning("-", 503, 14),
  FILTER_CONFIG_NOT_FOUND: meaning("NFCF", 500, 13),
  PEER_NOT_VERIFIED: meaning("UF", 503, 14),
};

/** One thing that is wrong: what, where it was read, and what to do about it. */
export interface Problem {
  /** The setting, file, variable, resource or permission concerned. */
  readonly subject: string;
  /** What is wrong with it, with the current value in quotes. */
  readonly message: string;
  /** The next step that mends it. */
  readonly hint?: string;
}

/** Options of {@linkcode MeshError}. */
export interface MeshErrorOptions {
  /** What led to this error. */
  cause?: unknown;
  /** Every problem found, for errors that report several at once. */
  problems?: readonly Problem[];
}

/**
 * An error raised by enmesh. `code` is stable and meant to be compared, the message is meant to be read.
 *
 * @example Tell a missing permission from a rejected identity
 * ```ts
 * import { MeshError } from "@enmesh/enmesh";
 * import assert from "node:assert/strict";
 *
 * const error = new MeshError("NO_HEALTHY_UPSTREAM", "Cannot reach 'reviews': no endpoint is healthy");
 * assert.equal(error.meaning.flag, "UH");
 * assert.equal(error.meaning.status, 503);
 * ```
 */
export class MeshError extends Error {
  /** The kind of failure. */
  readonly code: MeshErrorCode;
  /** Every problem found; empty where the message says it all. */
  readonly problems: readonly Problem[];

  /**
   * Makes an error.
   *
   * @param code The kind of failure.
   * @param message Sentence case, no final period: the action, the reason, the current value, the next step.
   * @param options Cause and problems.
   */
  constructor(code: MeshErrorCode, message: string, options: MeshErrorOptions = {}) {
    super(
      options.problems?.length ? `${message}:\n${options.problems.map(formatProblem).join("\n")}` : message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = "MeshError";
    this.code = code;
    this.problems = options.problems ?? [];
  }

  /** What the code means to a peer. */
  get meaning(): ErrorMeaning {
    return MEANINGS[this.code];
  }
}

function formatProblem(problem: Problem): string {
  const hint = problem.hint === undefined ? "" : `\n    ${problem.hint}`;
  return `  - ${problem.subject}: ${problem.message}${hint}`;
}
