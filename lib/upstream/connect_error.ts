import { MeshError, type MeshErrorCode } from "../errors.ts";
import type { ResetReason } from "../router/retry_policy.ts";

/** No connection to a host could be had; the request was not sent. */
export class ConnectError extends MeshError {
  /** Envoy's reason for it. */
  readonly reason: ResetReason;
  /** What TLS or the system said, for `%UPSTREAM_TRANSPORT_FAILURE_REASON%`; `null` where there is nothing to say. */
  readonly transportFailure: string | null;

  /**
   * @param code `UPSTREAM_CONNECTION_FAILURE`, `PEER_NOT_VERIFIED` or `DNS_RESOLUTION_FAILED`.
   * @param message What failed and what to check.
   * @param reason Envoy's reason.
   * @param transportFailure What TLS or the system said.
   * @param cause What led to it.
   */
  constructor(
    code: MeshErrorCode,
    message: string,
    reason: ResetReason,
    transportFailure: string | null,
    cause?: unknown,
  ) {
    super(code, message, cause === undefined ? {} : { cause });
    this.reason = reason;
    this.transportFailure = transportFailure;
  }
}
