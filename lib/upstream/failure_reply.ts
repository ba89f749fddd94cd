import { MeshError } from "../errors.ts";
import type { LocalReply } from "../router/local_reply.ts";
import type { AttemptOverrides } from "../router/request_overrides.ts";
import type { ResetReason } from "../router/retry_policy.ts";
import { ConnectError } from "./connect_error.ts";
import type { Expiry } from "./request_timers.ts";

/** Envoy's reason for a failed attempt; `null` where the failure is not one of the connection. */
export function resetReasonOf(error: unknown): ResetReason | null {
  if (error instanceof ConnectError) return error.reason;
  if (!(error instanceof MeshError)) return null;
  switch (error.code) {
    case "UPSTREAM_CONNECTION_FAILURE":
    case "PEER_NOT_VERIFIED":
      return "remote connection failure";
    case "UPSTREAM_CONNECTION_TERMINATION":
      return "connection termination";
    case "UPSTREAM_REMOTE_RESET":
      return "remote reset";
    case "UPSTREAM_REFUSED_STREAM":
      return "remote refused stream reset";
    case "UPSTREAM_PROTOCOL_ERROR":
      return "protocol error";
    case "UPSTREAM_OVERFLOW":
      return "overflow";
    case "UPSTREAM_REQUEST_TIMEOUT":
    case "STREAM_IDLE_TIMEOUT":
      return "local reset";
    default:
      return null;
  }
}

/**
 * The answer to a request that got none: Envoy's status, flag and details, and in the body what happened and what to
 * check. `null` for errors that are none of the mesh: the caller's own, which it gets back as they are.
 */
export function failureReply(error: unknown): LocalReply | null {
  if (!(error instanceof MeshError)) return null;
  const { status, flag } = error.meaning;
  const body = error.message;
  switch (error.code) {
    case "ABORTED":
    case "DOWNSTREAM_CONNECTION_TERMINATION":
      return null;
    case "NO_HEALTHY_UPSTREAM":
      return { status, flag, body, details: "no_healthy_upstream" };
    case "UPSTREAM_OVERFLOW":
      return { status, flag, body, details: beforeResponse("overflow", null), headers: ["x-envoy-overloaded", "true"] };
    case "UPSTREAM_REQUEST_TIMEOUT":
      return { status, flag, body, details: "response_timeout" };
    case "DNS_RESOLUTION_FAILED":
      return { status, flag, body, details: "dns_resolution_failure" };
    case "STREAM_IDLE_TIMEOUT":
      return { status: 503, flag: "LR", body, details: beforeResponse("local reset", null) };
  }
  const reason = resetReasonOf(error);
  const details = reason === null
    ? error.code.toLowerCase()
    : beforeResponse(reason, error instanceof ConnectError ? error.transportFailure : null);
  return { status, flag, body, details };
}

/** The answer to a request that cannot be tried again, for not all of it was kept. */
export const BUFFER_EXCEEDED: LocalReply = {
  status: 507,
  details: "request_payload_exceeded_retry_buffer_limit",
  body: "Cannot send the request again: its content is longer than what is kept for retries; raise " +
    "per_request_buffer_limit_bytes, or send it in smaller parts",
};

/** The answer to a request whose route names a cluster that is not there; the status is the route's. */
export function clusterNotFound(name: string, status: number): LocalReply {
  return {
    status,
    flag: "NC",
    details: "cluster_not_found",
    body: `Cannot send the request: the route names cluster '${name}', which the mesh does not have; ` +
      "check that the Service or subset of its VirtualService exists",
  };
}

/**
 * The answer to a request whose time is up.
 *
 * @param reply What the failure would be answered with otherwise.
 * @param expired Which limit has passed.
 * @param sent Whether the request was complete.
 * @param overrides What headers of the request ask for.
 */
export function expiryReply(
  reply: LocalReply,
  expired: Expiry,
  sent: boolean,
  overrides: AttemptOverrides | null,
): LocalReply {
  if (expired === "stream_duration") {
    return {
      ...reply,
      status: sent ? 504 : 408,
      flag: "UMSDR",
      details: "upstream_max_stream_duration_reached",
    };
  }
  const timed = { ...reply, details: EXPIRY_DETAILS[expired] };
  return overrides?.alternativeTimeoutStatus === true ? { ...timed, status: 204, body: "" } : timed;
}

const EXPIRY_DETAILS = {
  global: "response_timeout",
  per_try: "upstream_per_try_timeout",
  per_try_idle: "upstream_per_try_idle_timeout",
} as const;

/** Envoy's flag and details of a response that broke off after its head. */
export function brokenOff(error: MeshError, expired: Expiry | null): { flag: string; details: string } {
  const { flag } = error.meaning;
  if (error.code === "UPSTREAM_REQUEST_TIMEOUT") {
    if (expired === "stream_duration") return { flag: "UMSDR", details: "upstream_max_stream_duration_reached" };
    return { flag, details: EXPIRY_DETAILS[expired ?? "global"] };
  }
  const reason = resetReasonOf(error);
  const details = reason === null
    ? "downstream_remote_disconnect"
    : `upstream_reset_after_response_started{${reason}}`.replaceAll(" ", "_");
  return { flag, details };
}

function beforeResponse(reason: ResetReason, transportFailure: string | null): string {
  const failure = transportFailure === null ? "" : `|${transportFailure}`;
  return `upstream_reset_before_response_started{${reason}${failure}}`.replaceAll(" ", "_");
}
