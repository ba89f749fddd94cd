import { hasGrpcContentType } from "../formatter/grpc_status.ts";
import type { HeaderList } from "../http/header_list.ts";
import type { ForwardAction, RetryPolicy } from "../resource/route.ts";
import { formatGrpcTimeout, grpcTimeoutMs } from "./grpc_timeout.ts";
import type { RequestOverrides } from "./request_overrides.ts";

/** Limits of one request, in milliseconds; 0 for none. */
export interface RequestTimeouts {
  /** From the end of the request to the end of the response, over all attempts. */
  readonly globalMs: number;
  /** Of one attempt, until its response head. */
  readonly perTryMs: number;
  /** Of silence in one attempt, to its end. */
  readonly perTryIdleMs: number;
}

/** Of a request without limits, shared. */
const UNLIMITED: RequestTimeouts = { globalMs: 0, perTryMs: 0, perTryIdleMs: 0 };

/**
 * The limits of a request: the route's `timeout`, or for gRPC requests on routes with `max_grpc_timeout` the caller's
 * `grpc-timeout` capped by it (0 being no cap). A route with `max_stream_duration` has neither. `x-envoy-upstream-rq-timeout-ms` and its like win over both.
 * A per-try limit that is not below the global one has no effect.
 *
 * @see Envoy `FilterUtility::finalTimeout`.
 */
export function requestTimeouts(
  action: ForwardAction,
  retry: RetryPolicy | null,
  headers: HeaderList,
  overrides: RequestOverrides | null = null,
): RequestTimeouts {
  const globalMs = overrides?.globalMs ?? globalTimeout(action, headers);
  const perTryMs = overrides?.perTryMs ?? retry?.perTryTimeoutMs ?? 0;
  const perTryIdleMs = retry?.perTryIdleTimeoutMs ?? 0;
  if (globalMs === 0 && perTryMs === 0 && perTryIdleMs === 0) return UNLIMITED;
  return { globalMs, perTryMs: globalMs !== 0 && perTryMs >= globalMs ? 0 : perTryMs, perTryIdleMs };
}

function globalTimeout(action: ForwardAction, headers: HeaderList): number {
  if (action.streamDuration !== null) return 0;
  const max = action.maxGrpcTimeoutMs;
  if (max === null || !hasGrpcContentType(headers)) return action.timeoutMs;
  let ms = grpcTimeoutMs(headers) ?? 0;
  // An offset that would leave nothing is ignored: 0 means no limit.
  if (action.grpcTimeoutOffsetMs < ms) ms -= action.grpcTimeoutOffsetMs;
  return max !== 0 && (ms === 0 || ms > max) ? max : ms;
}

/**
 * Tells the upstream how long the caller will wait: `x-envoy-expected-rq-timeout-ms`, and `grpc-timeout` anew on gRPC
 * requests whose route reads it.
 *
 * @param elapsedMs What of the global limit is used up (earlier attempts).
 * @param silent Leaves out the first one (`suppress_envoy_headers`).
 */
export function setTimeoutHeaders(
  headers: HeaderList,
  timeouts: RequestTimeouts,
  action: ForwardAction,
  elapsedMs: number,
  silent = false,
): void {
  const { globalMs, perTryMs } = timeouts;
  const left = globalMs === 0 ? 0 : Math.max(1, Math.round(globalMs - elapsedMs));
  const expected = perTryMs !== 0 && (left === 0 || perTryMs < left) ? perTryMs : left;
  if (expected === 0) return;
  if (!silent) headers.set("x-envoy-expected-rq-timeout-ms", String(expected));
  if (action.maxGrpcTimeoutMs !== null && action.streamDuration === null && hasGrpcContentType(headers)) {
    headers.set("grpc-timeout", formatGrpcTimeout(expected));
  }
}
