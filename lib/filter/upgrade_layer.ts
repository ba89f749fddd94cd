import { MeshError } from "../errors.ts";
import { ActivityBody } from "../http/activity_body.ts";
import type { Call } from "../http/call.ts";
import type { HttpResponse } from "../http/message.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import type { HttpConnectionManager } from "../resource/http_connection_manager.ts";
import type { HttpLayer } from "./http_filter.ts";

/**
 * Decides whether a request may go on with another protocol (WebSocket): the route's `upgrade_configs` first, then the
 * connection manager's. One that may not is answered with 403 and the details `upgrade_failed`, as by Envoy. What was
 * upgraded ends when both directions are silent for `stream_idle_timeout` (the route's `idle_timeout` first; Istio sets
 * neither), and for no other reason of time: the route's timeout counts from the end of a request, which is yet to come.
 *
 * Stands below the choice of the route and above the filters. Ordinary requests pass untouched.
 *
 * @see Envoy `HttpConnectionManager.upgrade_configs`, `RouteAction.upgrade_configs`, `stream_idle_timeout`.
 */
export function upgradeLayer(
  { upgrades, streamIdleTimeoutMs }: Pick<HttpConnectionManager, "upgrades" | "streamIdleTimeoutMs">,
  clock: Clock,
): HttpLayer {
  return function upgrade(next) {
    return (request, call) => {
      const protocol = request.upgrade;
      if (protocol === undefined) return next(request, call);
      const action = call.chosen?.route.action;
      const route = action?.kind === "forward" ? action : null;
      const allowed = route?.upgrades[protocol] ?? upgrades.includes(protocol);
      if (!allowed) {
        request.body?.cancel();
        call.responseCodeDetails = "upgrade_failed";
        return Promise.reject(
          new MeshError(
            "UPGRADE_UNSUPPORTED",
            `Cannot upgrade '${request.authority}${request.path}' to '${protocol}': the mesh does not allow it there; ` +
              "check upgrade_configs of the listener and the route",
          ),
        );
      }
      const idleMs = route?.idleTimeoutMs ?? streamIdleTimeoutMs;
      if (idleMs === 0) return next(request, call);
      const idle = new IdleTimeout(idleMs, call, clock);
      if (request.body !== null) request.body = new ActivityBody(request.body, () => idle.touch());
      return next(request, call).then((response) => idle.watch(response));
    };
  };
}

/** Ends a call whose upgraded directions are both silent for too long. */
class IdleTimeout {
  readonly #ms: number;
  readonly #call: Call;
  readonly #clock: Clock;
  #last = 0;
  #timer: Timer | null = null;

  constructor(ms: number, call: Call, clock: Clock) {
    this.#ms = ms;
    this.#call = call;
    this.#clock = clock;
  }

  /** Begins with the answer that upgrades. */
  watch(response: HttpResponse): HttpResponse {
    if (response.status !== 101) return response;
    if (response.body !== null) response.body = new ActivityBody(response.body, () => this.touch());
    this.touch();
    this.#arm(this.#ms);
    this.#call.exchange.onComplete(() => this.#timer?.cancel());
    return response;
  }

  touch(): void {
    this.#last = this.#clock.monotonic();
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.timer(ms, () => {
      const left = this.#last + this.#ms - this.#clock.monotonic();
      if (left > 0) return this.#arm(left);
      this.#call.addFlag("SI");
      this.#call.responseCodeDetails = "stream_idle_timeout";
      this.#call.exchange.cancel(
        new MeshError(
          "STREAM_IDLE_TIMEOUT",
          `Cannot keep the upgraded connection: no byte has passed for '${this.#ms}' ms`,
        ),
      );
    });
  }
}
