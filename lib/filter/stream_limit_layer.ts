import { hasGrpcContentType } from "../formatter/grpc_status.ts";
import type { Body } from "../http/body.ts";
import { BodyWrapper } from "../http/body_wrapper.ts";
import type { Call } from "../http/call.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import type { HttpConnectionManager } from "../resource/http_connection_manager.ts";
import type { ForwardAction } from "../resource/route.ts";
import { formatGrpcTimeout, grpcTimeoutMs } from "../router/grpc_timeout.ts";
import { StreamExpired } from "../router/stream_expired.ts";
import type { HttpLayer } from "./http_filter.ts";

/**
 * Limits how long a request may last over all its attempts and its response (`max_stream_duration`), and how long it may
 * be silent in between (`idle_timeout`): the route's limits first, then the connection manager's, 0 being none. Istio sets
 * none of them: the layer then hands requests on.
 *
 * Stands below the choice of the route and above the filters. Upgraded requests have limits of their own.
 *
 * @see Envoy `RouteAction.max_stream_duration`, `RouteAction.idle_timeout`, `HttpConnectionManager.stream_idle_timeout`,
 * `HttpProtocolOptions.max_stream_duration`.
 */
export function streamLimitLayer(
  manager: Pick<HttpConnectionManager, "maxStreamDurationMs" | "streamIdleTimeoutMs">,
  clock: Clock,
): HttpLayer {
  return function streamLimits(next) {
    return (request, call) => {
      const action = call.chosen?.route.action;
      if (action?.kind !== "forward" || request.upgrade !== undefined) return next(request, call);
      const durationMs = streamDuration(action, call) ?? manager.maxStreamDurationMs;
      const idleMs = action.idleTimeoutMs ?? manager.streamIdleTimeoutMs;
      if (durationMs === 0 && idleMs === 0) return next(request, call);
      if (durationMs !== 0) {
        const timer = clock.timer(durationMs, () => call.expire(new StreamExpired("duration", durationMs)));
        call.exchange.onComplete(() => timer.cancel());
      }
      if (idleMs === 0) return next(request, call);
      const silence = new Silence(idleMs, call, clock);
      request.body = silence.watch(request.body);
      return next(request, call).then((response) => {
        silence.touch();
        response.body = silence.watch(response.body);
        return response;
      });
    };
  };
}

/** The route's own limit, for gRPC the caller's where the route honours it; `null` for none. */
function streamDuration({ maxStreamDurationMs, grpcStreamHeaderMaxMs: max }: ForwardAction, call: Call): number | null {
  const asked = max === null ? null : grpcTimeoutMs(call.request.headers);
  if (asked === null || max === null) return maxStreamDurationMs;
  const limit = max !== 0 && asked > max ? max : asked;
  const { headers } = call.request;
  if (hasGrpcContentType(headers)) headers.set("grpc-timeout", formatGrpcTimeout(limit));
  return limit;
}

/** Lets a call expire when nothing has moved for too long. */
class Silence {
  readonly #ms: number;
  readonly #call: Call;
  readonly #clock: Clock;
  #last: number;
  #timer: Timer | null = null;

  constructor(ms: number, call: Call, clock: Clock) {
    this.#ms = ms;
    this.#call = call;
    this.#clock = clock;
    this.#last = clock.monotonic();
    this.#arm(ms);
    call.exchange.onComplete(() => this.#timer?.cancel());
  }

  touch(): void {
    this.#last = this.#clock.monotonic();
  }

  /** A body that tells of each chunk; what is there whole passes at once. */
  watch(body: Body | null): Body | null {
    return body === null || body.whole() !== null ? body : new TellingBody(body, this);
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.timer(ms, () => {
      const left = this.#last + this.#ms - this.#clock.monotonic();
      if (left > 0) this.#arm(left);
      else this.#call.expire(new StreamExpired("idle", this.#ms));
    });
  }
}

class TellingBody extends BodyWrapper {
  readonly #silence: Silence;

  constructor(body: Body, silence: Silence) {
    super(body);
    this.#silence = silence;
  }

  override async read(): Promise<Uint8Array | null> {
    const chunk = await this.inner.read();
    this.#silence.touch();
    return chunk;
  }
}
