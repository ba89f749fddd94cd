import { MeshError } from "../errors.ts";
import type { TransportFailure } from "../transport/transport_failure.ts";
import { ConnectError } from "./connect_error.ts";

/** Makes what a connector rejects with into a {@linkcode ConnectError}, in Envoy's words. */
export function connectFailure(key: string, failure: TransportFailure | null, cause: unknown): ConnectError {
  if (cause instanceof ConnectError) return cause;
  const refused = cause instanceof MeshError && cause.code === "PEER_NOT_VERIFIED";
  const message = cause instanceof Error ? cause.message : `Cannot connect to '${key}'`;
  return new ConnectError(
    refused ? "PEER_NOT_VERIFIED" : "UPSTREAM_CONNECTION_FAILURE",
    message,
    failure?.kind === "timeout" ? "connection timeout" : "remote connection failure",
    failure === null ? null : failureText(failure),
    cause,
  );
}

/** System errors in the words of the C library, which Envoy writes. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EHOSTUNREACH: "No route to host",
  ENETUNREACH: "Network is unreachable",
  ETIMEDOUT: "Connection timed out",
};

/** What Envoy would write, in its form: words joined by underscores, TLS failures marked as such. */
function failureText(failure: TransportFailure): string | null {
  if (failure.kind === "timeout") return null;
  const code = /\bE[A-Z]{3,}\b/.exec(failure.reason)?.[0] ?? "";
  const reason = (SYSTEM_ERRORS[code] ?? failure.reason).replaceAll(/\s+/g, "_");
  return failure.kind === "connect" ? `delayed_connect_error:_${reason}` : `TLS_error:_${reason}`;
}
