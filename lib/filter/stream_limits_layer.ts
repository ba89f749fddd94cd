import { MeshError } from "../errors.ts";
import { hasGrpcContentType } from "../formatter/grpc_status.ts";
import { ActivityBody } from "../http/activity_body.ts";
import type { Call } from "../http/call.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import type { Handler } from "../internal/layer.ts";
import type { HttpConnectionManager } from "../resource/http_connection_manager.ts";
import type { ForwardAction } from "../resource/route.ts";
import { BodyEnd } from "../router/body_end.ts";
import { formatGrpcTimeout, grpcTimeoutMs } from "../router/grpc_timeout.ts";
import { type LocalReply, localReply } from "../router/local_reply.ts";
import type { HttpLayer } from "./http_filter.ts";

/** The settings of a connection manager that limit streams. */
export type StreamLimitSettings = Pick<
  HttpConnectionManager,
  "streamIdleTimeoutMs" | "maxStreamDurationMs" | "requestTimeoutMs"
>;

/** Limits of one stream, in milliseconds; 0 for none. */
interface StreamLimits {
  readonly idleMs: number;
  /** `null` for none; 0 is over at once. */
  readonly durationMs: number | null;
  /** Until the request is complete. */
  readonly requestMs: number;
}

/**
 * The time limits that Envoy's connection manager keeps, whatever the filters and the upstream do: silence in both
 * directions (`idle_timeout` of the route, else `stream_idle_timeout`), the whole life of a stream (`max_stream_duration`
 * of the route, which may be the caller's `grpc-timeout`, else the connection manager's), and the arrival of the request
 * (`request_timeout`). Istio sets all to 0, but has the inbound side keep to `grpc-timeout`.
 *
 * Stands below the choice of the route, so that time spent in filters counts. What is upgraded is a request whose end is
 * yet to come, and has all the time to arrive. A request without limits passes untouched.
 */
export function streamLimitsLayer(settings: StreamLimitSettings, clock: Clock): HttpLayer {
  return function streamLimits(next) {
    return (request, call) => {
      const action = call.chosen?.route.action;
      const limits = limitsOf(settings, action?.kind === "forward" ? action : null, request);
      return limits === null ? next(request, call) : new LimitedStream(limits, request, call, clock).run(next);
    };
  };
}

function limitsOf(
  settings: StreamLimitSettings,
  action: ForwardAction | null,
  request: HttpRequest,
): StreamLimits | null {
  const idleMs = action?.idleTimeoutMs ?? settings.streamIdleTimeoutMs;
  const durationMs = durationOf(settings, action, request);
  const requestMs = request.body === null || request.upgrade !== undefined ? 0 : settings.requestTimeoutMs;
  return idleMs === 0 && durationMs === null && requestMs === 0 ? null : { idleMs, durationMs, requestMs };
}

function durationOf(
  settings: StreamLimitSettings,
  action: ForwardAction | null,
  { headers }: HttpRequest,
): number | null {
  const { grpcHeaderMaxMs, grpcHeaderOffsetMs, maxMs } = action?.streamDuration ?? NO_DURATION;
  const asked = grpcHeaderMaxMs === null ? null : grpcTimeoutMs(headers);
  let ms: number;
  if (grpcHeaderMaxMs === null || asked === null) {
    ms = maxMs ?? settings.maxStreamDurationMs;
    if (ms === 0) return null;
  } else {
    ms = Math.max(0, (grpcHeaderMaxMs !== 0 && asked > grpcHeaderMaxMs ? grpcHeaderMaxMs : asked) - grpcHeaderOffsetMs);
  }
  if (hasGrpcContentType(headers)) headers.set("grpc-timeout", formatGrpcTimeout(ms));
  return ms;
}

const NO_DURATION = { grpcHeaderMaxMs: null, grpcHeaderOffsetMs: 0, maxMs: null };

/** A stream under limits. */
class LimitedStream {
  readonly #limits: StreamLimits;
  readonly #request: HttpRequest;
  readonly #call: Call;
  readonly #clock: Clock;
  /** Whether the request is complete, which decides between 504 and 408. */
  #received: boolean;
  #answered = false;
  #lastActivity: number;
  #idle: Timer | null = null;
  #duration: Timer | null = null;
  #arrival: Timer | null = null;
  #reply: ((response: HttpResponse) => void) | null = null;

  constructor(limits: StreamLimits, request: HttpRequest, call: Call, clock: Clock) {
    this.#limits = limits;
    this.#request = request;
    this.#call = call;
    this.#clock = clock;
    this.#lastActivity = clock.monotonic();
    const { body } = request;
    this.#received = request.upgrade === undefined && (body === null || body.whole() !== null);
    if (body === null || body.whole() !== null) return;
    const watched = limits.idleMs === 0 ? body : new ActivityBody(body, () => this.#touch());
    request.body = new BodyEnd(watched, () => {
      this.#received = true;
      this.#arrival?.cancel();
    });
  }

  run(next: Handler<HttpRequest, HttpResponse, Call>): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      this.#reply = resolve;
      this.#arm();
      if (this.#answered) return;
      next(this.#request, this.#call).then((response) => {
        if (this.#answered) return response.body?.cancel();
        this.#answered = true;
        this.#touch();
        const { body } = response;
        if (this.#limits.idleMs !== 0 && body !== null && body.whole() === null) {
          response.body = new ActivityBody(body, () => this.#touch());
        }
        this.#call.exchange.onComplete(() => this.#stop());
        resolve(response);
      }, (error) => {
        this.#stop();
        reject(error);
      });
    });
  }

  #arm(): void {
    const { idleMs, durationMs, requestMs } = this.#limits;
    if (idleMs !== 0) this.#armIdle(idleMs);
    if (requestMs !== 0 && !this.#received) {
      this.#arrival = this.#clock.timer(requestMs, () => {
        this.#expire("request_overall_timeout", "-", 408, "the request to arrive", requestMs);
      });
    }
    if (durationMs !== null) {
      const left = durationMs - (this.#clock.now() - this.#call.startTime);
      this.#duration = this.#clock.timer(Math.max(0, left), () => {
        this.#expire("max_duration_timeout", "DT", this.#status, "the stream to end", durationMs, 4);
      });
    }
  }

  #armIdle(ms: number): void {
    this.#idle = this.#clock.timer(ms, () => {
      const left = this.#lastActivity + this.#limits.idleMs - this.#clock.monotonic();
      if (left > 0) return this.#armIdle(left);
      this.#expire("stream_idle_timeout", "SI", this.#status, "a byte to pass", this.#limits.idleMs);
    });
  }

  get #status(): number {
    return this.#received ? 504 : 408;
  }

  #touch(): void {
    this.#lastActivity = this.#clock.monotonic();
  }

  #stop(): void {
    this.#idle?.cancel();
    this.#duration?.cancel();
    this.#arrival?.cancel();
  }

  #expire(details: string, flag: string, status: number, what: string, ms: number, grpcStatus?: number): void {
    this.#stop();
    const call = this.#call;
    const body = `Cannot wait for ${what} any longer: the limit of '${ms}' ms has passed`;
    const code = flag === "SI" ? "STREAM_IDLE_TIMEOUT" : "DURATION_TIMEOUT";
    const error = new MeshError(code, body);
    if (this.#answered) {
      call.addFlag(flag);
      call.responseCodeDetails = details;
      call.exchange.cancel(error);
      return;
    }
    this.#answered = true;
    call.abandon(error);
    this.#request.body?.cancel(error);
    const reply: LocalReply = { status, flag, details, body, ...(grpcStatus === undefined ? {} : { grpcStatus }) };
    const response = localReply(this.#request, call, reply);
    call.response = response;
    this.#reply!(response);
  }
}
