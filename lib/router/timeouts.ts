import { hasGrpcContentType } from "../formatter/grpc_status.ts";
import type { HeaderList } from "../http/header_list.ts";
import type { ForwardAction, RetryPolicy } from "../resource/route.ts";
import { formatGrpcTimeout, grpcTimeoutMs } from "./grpc_timeout.ts";

/** Limits of one request, in milliseconds; 0 for none. */
export interface RequestTimeouts {
  /** From the end of the request to the end of the response, over all attempts. */
  readonly globalMs: number;
  /** Of one attempt, until its response head. */
  readonly perTryMs: number;
}

/** Of a request without limits, shared. */
const UNLIMITED: RequestTimeouts = { globalMs: 0, perTryMs: 0 };

/**
 * The limits of a request: the route's, or for gRPC requests on routes with `max_grpc_timeout` the caller's
 * `grpc-timeout` capped by it (0 being no cap). A per-try limit that is not below the global one has no effect. Limits
 * count from the end of the request, so that a request for an upgrade has none.
 */
export function requestTimeouts(
  action: ForwardAction,
  retry: RetryPolicy | null,
  headers: HeaderList,
  upgrade?: string,
): RequestTimeouts {
  if (upgrade !== undefined) return UNLIMITED;
  let globalMs = action.timeoutMs;
  const max = action.grpcTimeoutHeaderMaxMs;
  if (max !== null && hasGrpcContentType(headers)) {
    globalMs = grpcTimeoutMs(headers) ?? 0;
    if (max !== 0 && (globalMs === 0 || globalMs > max)) globalMs = max;
  }
  const perTryMs = retry?.perTryTimeoutMs ?? 0;
  if (globalMs === 0 && perTryMs === 0) return UNLIMITED;
  return { globalMs, perTryMs: globalMs !== 0 && perTryMs >= globalMs ? 0 : perTryMs };
}

/**
 * Tells the upstream how long the caller will wait: `x-envoy-expected-rq-timeout-ms`, and `grpc-timeout` anew on gRPC
 * requests whose route reads it.
 *
 * @param elapsedMs What of the global limit is used up (earlier attempts).
 */
export function setTimeoutHeaders(
  headers: HeaderList,
  timeouts: RequestTimeouts,
  action: ForwardAction,
  elapsedMs: number,
): void {
  const { globalMs, perTryMs } = timeouts;
  const left = globalMs === 0 ? 0 : Math.max(1, Math.round(globalMs - elapsedMs));
  const expected = perTryMs !== 0 && (left === 0 || perTryMs < left) ? perTryMs : left;
  if (expected === 0) return;
  headers.set("x-envoy-expected-rq-timeout-ms", String(expected));
  if (action.grpcTimeoutHeaderMaxMs !== null && hasGrpcContentType(headers)) {
    headers.set("grpc-timeout", formatGrpcTimeout(expected));
  }
}
