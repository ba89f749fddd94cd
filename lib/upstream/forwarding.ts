import { MeshError } from "../errors.ts";
import { BytesBody } from "../http/body.ts";
import type { Call } from "../http/call.ts";
import type { Exchange } from "../http/exchange.ts";
import type { HeaderList } from "../http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import type { Random } from "../internal/random.ts";
import type { ForwardAction } from "../resource/route.ts";
import { BodyEnd } from "../router/body_end.ts";
import { type LocalReply, localReply } from "../router/local_reply.ts";
import { type AttemptOutcome, RetryState } from "../router/retry_policy.ts";
import type { RoutePlan } from "../router/route_plan.ts";
import { type RequestTimeouts, requestTimeouts, setTimeoutHeaders } from "../router/timeouts.ts";
import { ConnectError } from "./connect_error.ts";
import { destinationOf, proxiedAddress } from "./destination.ts";
import { detailsAfterResponse, failureReply, resetReasonOf } from "./failure_reply.ts";
import type { UpstreamHost } from "./host.ts";
import { mirrorRequest } from "./mirror.ts";
import type { ClusterResources } from "./resources.ts";
import { UpstreamAttempt } from "./upstream_attempt.ts";
import type { UpstreamSource, UpstreamTarget } from "./upstream_target.ts";

/** What {@linkcode Forwarding} works with. */
export interface ForwardingDeps {
  clusters: UpstreamSource;
  clock: Clock;
  random: Random;
  /** Sets the timers of time limits, coarse and cheap. @default {the clock's} */
  timers?: { arm(ms: number, callback: () => void): Timer };
}

/** A forwarding route with everything it takes. */
export interface ForwardingRoute {
  readonly action: ForwardAction;
  readonly plan: RoutePlan;
  readonly clusterName: string;
}

/**
 * One request on its way to a cluster: `attempting -> (waiting -> attempting)* -> answered | failed`.
 *
 * Attempts follow each other as the retry policy says; time limits and the caller's cancellation end whatever is under
 * way. What the caller gets is the response of the last attempt or a local reply; it rejects only when the caller itself
 * gave up or its request body failed.
 */
export class Forwarding {
  readonly #deps: ForwardingDeps;
  readonly #route: ForwardingRoute;
  readonly #request: HttpRequest;
  readonly #call: Call;
  readonly #timeouts: RequestTimeouts;
  readonly #retry: RetryState | null;
  readonly #startedAt: number;
  /** Content that can be sent again; `null` for none and for streams. */
  readonly #content: Uint8Array | null;
  readonly #trailers: HeaderList | null;
  readonly #streaming: boolean;
  #attempt: UpstreamAttempt | null = null;
  #tried: UpstreamHost[] | null = null;
  #globalTimer: Timer | null = null;
  #perTryTimer: Timer | null = null;
  /** Ends the pause between two attempts. */
  #wake: (() => void) | null = null;
  /** What ended the request from outside: the caller's reason or the global limit. */
  #ended: { readonly error: unknown } | null = null;
  /** The breaker slot that the attempt under way takes as a retry. */
  #retrySlot: ClusterResources | null = null;
  #requestSent: boolean;

  /**
   * @param deps Clusters, time, randomness.
   * @param route The route.
   * @param request The request; its headers, path and authority are changed.
   * @param call Where the outcome is noted.
   */
  constructor(deps: ForwardingDeps, route: ForwardingRoute, request: HttpRequest, call: Call) {
    this.#deps = deps;
    this.#route = route;
    this.#request = request;
    this.#call = call;
    const { plan, action } = route;
    this.#retry = plan.retry === null || !plan.retry.covers(request) ? null : new RetryState(plan.retry, deps.random);
    this.#timeouts = requestTimeouts(action, plan.retry?.policy ?? null, request.headers, request.upgrade);
    this.#startedAt = deps.clock.now();
    const { body } = request;
    this.#content = body === null ? null : body.whole();
    this.#trailers = body === null ? null : body.trailers;
    this.#streaming = body !== null && this.#content === null;
    this.#requestSent = !this.#streaming;
  }

  /** Sends the request; see the class. */
  start(): Promise<HttpResponse> {
    const { plan, clusterName, action } = this.#route;
    const request = this.#request;
    const target = this.#deps.clusters.target(clusterName);
    if (target === null) return Promise.resolve(this.#clusterNotFound());
    this.#call.cluster = target.cluster;
    plan.rewrite(request, this.#call);
    const end = (error: unknown) => this.#end(error);
    this.#call.exchange.onCancel(end);
    this.#call.onExpire(end);
    // Given up before it began, in a filter: nothing is sent.
    if (this.#ended !== null) return new Promise((resolve) => resolve(this.#fail(this.#ended!.error)));
    if (this.#timeouts.globalMs !== 0 || this.#timeouts.perTryMs !== 0) this.#watchRequestEnd();
    if (action.mirrors.length > 0 && !this.#streaming && !this.#call.requiresMutualTls) {
      mirrorRequest(action.mirrors, request, this.#content, this.#deps.clusters, this.#deps.random);
    }
    return this.#send(target);
  }

  #send(target: UpstreamTarget): Promise<HttpResponse> {
    const { plan, action } = this.#route;
    const request = this.#request;
    const call = this.#call;
    const count = ++call.attemptCount;
    if (plan.place.virtualHost.includeRequestAttemptCount) request.headers.set("x-envoy-attempt-count", String(count));
    if (this.#timeouts.globalMs !== 0 || this.#timeouts.perTryMs !== 0) {
      // The first attempt has all of it, whatever time was spent on the way to it.
      const elapsedMs = count === 1 ? 0 : this.#deps.clock.now() - this.#startedAt;
      setTimeoutHeaders(request.headers, this.#timeouts, action, elapsedMs);
    }
    const { cluster } = target;
    const policy = plan.retry?.policy;
    const attempt = this.#attempt = new UpstreamAttempt({
      hash: plan.hash === null ? null : plan.hash(request, call),
      excluded: this.#tried !== null && policy!.previousHosts ? this.#tried : null,
      maxReselections: policy?.hostSelectionRetryMaxAttempts ?? 0,
      subset: plan.subset,
      // Envoy: a retry may go elsewhere.
      override: count === 1 ? call.overrideHost : null,
      headers: request.headers,
      attempt: count - 1,
      destination: destinationOf(cluster, request, call),
      highPriority: action.priority === "high",
      downstreamAddress: proxiedAddress(cluster, call),
      alpnOverride: call.alpnOverride,
      requiresMutualTls: call.requiresMutualTls,
      onHost: plan.autoHost ? (host) => plan.rewriteToEndpoint(request, host.endpoint.hostname) : null,
    });
    if (this.#requestSent) this.#armPerTry();
    return target.send(request, attempt).then(this.#onResponse, this.#onFailure);
  }

  readonly #onResponse = (response: HttpResponse): HttpResponse | Promise<HttpResponse> => {
    const attempt = this.#attempt!;
    this.#settleAttempt(attempt);
    const retry = this.#retry;
    if (retry !== null && this.#route.plan.retry!.appliesToResponse(response.status, response.headers)) {
      const { status, headers } = response;
      const next = this.#retryAfter({ kind: "response", status, headers }, this.#replayable);
      if (next !== null) {
        // What the caller will never see must not hold the connection.
        if (response.body?.whole() === null) response.body.cancel();
        return next;
      }
    }
    return this.#answer(response, attempt.exchange);
  };

  readonly #onFailure = (error: unknown): HttpResponse | Promise<HttpResponse> => {
    const attempt = this.#attempt!;
    this.#settleAttempt(attempt);
    const ended = this.#ended;
    if (ended !== null) return this.#fail(ended.error);
    const reason = resetReasonOf(error);
    if (reason !== null) {
      const { requestStarted } = attempt.exchange;
      // A body that streams survives only what happens before there is a connection.
      const replayable = this.#replayable || error instanceof ConnectError;
      const next = this.#retryAfter({ kind: "reset", reason, requestStarted }, replayable);
      if (next !== null) return next;
    }
    return this.#fail(error);
  };

  get #replayable(): boolean {
    return !this.#streaming;
  }

  /** The next attempt where the policy wants one and the request can be sent again; `null` otherwise. */
  #retryAfter(outcome: AttemptOutcome, replayable: boolean): Promise<HttpResponse> | null {
    const retry = this.#retry;
    if (retry === null || !replayable) return null;
    const decision = retry.decide(outcome);
    if (decision === "limit_exceeded") this.#call.addFlag("URX");
    if (decision !== "retry") return null;
    // The configuration may have changed since: the cluster of now, not of then.
    const target = this.#deps.clusters.target(this.#route.clusterName);
    if (target === null) return null;
    const resources = this.#route.action.priority === "high" ? target.highResources : target.resources;
    if (!resources.mayRetry) {
      this.#call.addFlag("UO");
      return null;
    }
    const { host } = this.#attempt!;
    if (host !== null) (this.#tried ??= []).push(host);
    resources.retries.count++;
    this.#retrySlot = resources;
    const delayMs = retry.nextDelayMs(outcome.kind === "response" ? outcome.headers : null, this.#deps.clock.now());
    return this.#pause(delayMs).then(() => {
      if (this.#ended !== null) {
        this.#releaseRetrySlot();
        return this.#fail(this.#ended.error);
      }
      if (!this.#streaming) {
        this.#request.body = this.#content === null ? null : new BytesBody(this.#content, this.#trailers);
      }
      return this.#send(target);
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#wake = null;
        timer.cancel();
        resolve();
      };
      this.#wake = done;
      const timer = this.#deps.clock.timer(ms, done, { ref: true });
    });
  }

  #settleAttempt(attempt: UpstreamAttempt): void {
    this.#perTryTimer?.cancel();
    this.#perTryTimer = null;
    this.#releaseRetrySlot();
    const call = this.#call;
    call.endpoint = attempt.host?.endpoint ?? null;
    call.upstream = attempt.exchange.connection;
  }

  #releaseRetrySlot(): void {
    if (this.#retrySlot === null) return;
    this.#retrySlot.retries.count--;
    this.#retrySlot = null;
  }

  #answer(response: HttpResponse, exchange: Exchange): HttpResponse {
    const call = this.#call;
    const { plan } = this.#route;
    const { headers } = response;
    call.response = response;
    call.responseCodeDetails = "via_upstream";
    headers.set(
      "x-envoy-upstream-service-time",
      String(Math.max(0, Math.round(this.#deps.clock.now() - this.#startedAt))),
    );
    if (plan.place.virtualHost.includeAttemptCountInResponse) {
      headers.set("x-envoy-attempt-count", String(call.attemptCount));
    }
    plan.cookies?.(headers, call);
    plan.responseHeaders?.(headers, call);
    // The global limit covers the response to its end, and an application's call ends with its last attempt.
    if (call.downstream === null || this.#globalTimer !== null) {
      exchange.onComplete((error) => this.#completed(exchange, error));
    }
    return response;
  }

  #completed(exchange: Exchange, error: unknown): void {
    this.#globalTimer?.cancel();
    const call = this.#call;
    if (error instanceof MeshError) {
      call.addFlag(error.meaning.flag);
      call.responseCodeDetails = detailsAfterResponse(error);
    }
    if (call.downstream !== null) return;
    const own = call.exchange;
    own.connection = exchange.connection;
    own.requestHeaderBytes = exchange.requestHeaderBytes;
    own.requestBodyBytes = exchange.requestBodyBytes;
    own.responseHeaderBytes = exchange.responseHeaderBytes;
    own.responseBodyBytes = exchange.responseBodyBytes;
    call.settle(error);
  }

  /** A local reply, or a rejection with what the caller itself caused. */
  #fail(error: unknown): HttpResponse {
    this.#globalTimer?.cancel();
    const call = this.#call;
    if (this.#streaming) this.#request.body?.cancel(error);
    if (call.exchange.cancelled) {
      call.addFlag("DC");
      call.responseCodeDetails = "downstream_remote_disconnect";
      throw call.exchange.reason;
    }
    if (error instanceof ConnectError) call.upstreamTransportFailureReason = error.transportFailure;
    const reply = failureReply(error);
    if (reply === null) throw error;
    const perTry = error instanceof MeshError && error.code === "UPSTREAM_REQUEST_TIMEOUT" && this.#ended === null;
    return this.#localReply(perTry ? { ...reply, details: "upstream_per_try_timeout" } : reply);
  }

  /** Also what the router says by itself has the headers of the route. */
  #localReply(reply: LocalReply): HttpResponse {
    const response = localReply(this.#request, this.#call, reply);
    const { plan } = this.#route;
    if (plan.place.virtualHost.includeAttemptCountInResponse) {
      response.headers.set("x-envoy-attempt-count", String(Math.max(1, this.#call.attemptCount)));
    }
    plan.changeLocalReply(response, this.#call);
    return response;
  }

  #clusterNotFound(): HttpResponse {
    const { clusterName, action } = this.#route;
    this.#request.body?.cancel();
    return this.#localReply({
      status: action.clusterNotFoundStatus,
      flag: "NC",
      details: "cluster_not_found",
      body: `Cannot send the request: the route names cluster '${clusterName}', which the mesh does not have; ` +
        "check that the Service or subset of its VirtualService exists",
    });
  }

  /** Ends whatever is under way: the caller gave up, or the global limit passed. */
  #end(error: unknown): void {
    this.#ended ??= { error };
    this.#wake?.();
    this.#attempt?.exchange.cancel(error);
  }

  /** Time limits count from the end of the request, which for streamed content is yet to come. */
  #watchRequestEnd(): void {
    if (this.#requestSent) return this.#armGlobal();
    this.#request.body = new BodyEnd(this.#request.body!, () => {
      this.#requestSent = true;
      this.#armGlobal();
      this.#armPerTry();
    });
  }

  #armGlobal(): void {
    const { globalMs } = this.#timeouts;
    if (globalMs === 0) return;
    this.#globalTimer = this.#arm(globalMs, () => {
      this.#end(
        new MeshError(
          "UPSTREAM_REQUEST_TIMEOUT",
          `Cannot wait for the response any longer: the route's timeout of '${globalMs}' ms has passed`,
        ),
      );
    });
  }

  #armPerTry(): void {
    const { perTryMs } = this.#timeouts;
    if (perTryMs === 0) return;
    const attempt = this.#attempt;
    this.#perTryTimer = this.#arm(perTryMs, () => {
      attempt?.exchange.cancel(
        new MeshError(
          "UPSTREAM_REQUEST_TIMEOUT",
          `Cannot wait for the response any longer: the per-try timeout of '${perTryMs}' ms has passed`,
        ),
      );
    });
  }

  #arm(ms: number, callback: () => void): Timer {
    const { timers, clock } = this.#deps;
    return timers === undefined ? clock.timer(ms, callback) : timers.arm(ms, callback);
  }
}
