import { MeshError } from "../errors.ts";
import type { Call } from "../http/call.ts";
import type { Exchange } from "../http/exchange.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import type { Random } from "../internal/random.ts";
import type { ForwardAction, InternalRedirectPolicy } from "../resource/route.ts";
import { followRedirect, InternalRedirect } from "../router/internal_redirect.ts";
import { type LocalReply, localReply } from "../router/local_reply.ts";
import { type AttemptOverrides, takeAttemptOverrides, takeRequestOverrides } from "../router/request_overrides.ts";
import { type AttemptOutcome, RetryState, rulesOf } from "../router/retry_policy.ts";
import type { RoutePlan } from "../router/route_plan.ts";
import { type RequestTimeouts, requestTimeouts, setTimeoutHeaders } from "../router/timeouts.ts";
import { ConnectError } from "./connect_error.ts";
import { destinationOf, proxiedAddress } from "./destination.ts";
import {
  brokenOff,
  BUFFER_EXCEEDED,
  clusterNotFound,
  expiryReply,
  failureReply,
  resetReasonOf,
} from "./failure_reply.ts";
import { mirrorRequest } from "./mirror.ts";
import { RequestContent } from "./request_content.ts";
import { RequestTimers } from "./request_timers.ts";
import type { ClusterResources } from "./resources.ts";
import { TriedHosts } from "./tried_hosts.ts";
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
 * One request on its way to a cluster: `attempting -> (waiting -> attempting)* -> answered | redirected | failed`.
 *
 * Attempts follow each other as the retry policy says; time limits and the caller's cancellation end whatever is under
 * way. What the caller gets is the response of the last attempt or a local reply; it rejects only when the caller itself
 * gave up, its request body failed, or with {@linkcode InternalRedirect} where the request goes elsewhere.
 */
export class Forwarding {
  readonly #deps: ForwardingDeps;
  readonly #route: ForwardingRoute;
  readonly #request: HttpRequest;
  readonly #call: Call;
  readonly #timeouts: RequestTimeouts;
  readonly #content: RequestContent;
  #overrides: AttemptOverrides | null = null;
  #retry: RetryState | null = null;
  #timers: RequestTimers | null = null;
  #attempt: UpstreamAttempt | null = null;
  #tried: TriedHosts | null = null;
  #startedAt: number;
  /** Ends the pause between two attempts. */
  #wake: (() => void) | null = null;
  /** What ended the request from outside: the caller's reason or the global limit. */
  #ended: { readonly error: unknown } | null = null;
  /** The breaker slot that the attempt under way takes as a retry. */
  #retrySlot: ClusterResources | null = null;

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
    const overrides = takeRequestOverrides(request.headers);
    const policy = plan.retry?.policy ?? null;
    this.#timeouts = requestTimeouts(action, policy, request.headers, overrides);
    this.#startedAt = deps.clock.now();
    this.#content = new RequestContent(request);
  }

  /** Sends the request; see the class. */
  start(): Promise<HttpResponse> {
    const { plan, clusterName, action } = this.#route;
    const request = this.#request;
    const call = this.#call;
    const target = this.#deps.clusters.target(clusterName);
    if (target === null) return Promise.resolve(this.#clusterNotFound());
    call.cluster = target.cluster;
    // Before the changes of the route, as in Envoy: it may take them away again.
    this.#describeAttempt(++call.attemptCount);
    plan.rewrite(request, call);
    this.#overrides = takeAttemptOverrides(request.headers);
    const rules = rulesOf(plan.retry, this.#overrides, request);
    if (rules !== null) this.#retry = new RetryState(rules, this.#deps.random);
    const end = (reason: unknown) => this.#end(reason);
    call.onAbandon = end;
    call.exchange.onCancel(end);
    // Given up before it began, in a filter: nothing is sent.
    if (this.#ended !== null) return new Promise((resolve) => resolve(this.#fail(this.#ended!.error)));
    const mirrors = action.mirrors.length > 0 && !call.requiresMutualTls && request.upgrade === undefined;
    this.#watchTime();
    if (rules !== null || mirrors || action.internalRedirect !== null) {
      this.#content.keep(plan.place.route.requestBufferLimit);
    }
    if (mirrors) {
      const { clusters, random } = this.#deps;
      const deps = { clusters, random, arm: (ms: number, callback: () => void) => this.#arm(ms, callback) };
      mirrorRequest(action.mirrors, request, () => this.#content.mirror(), this.#timeouts.globalMs, deps);
    }
    return this.#send(target);
  }

  /** Tells the upstream which attempt it is and how long the caller will wait. */
  #describeAttempt(count: number): void {
    const { plan, action } = this.#route;
    const { headers } = this.#request;
    const { virtualHost } = plan.place;
    if (virtualHost.includeRequestAttemptCount) headers.set("x-envoy-attempt-count", String(count));
    if (count > 1 && virtualHost.includeIsTimeoutRetry) {
      const { expired } = this.#timers ?? { expired: null };
      const timedOut = expired === "per_try" || expired === "per_try_idle";
      headers.set("x-envoy-is-timeout-retry", String(timedOut));
    }
    if (this.#timeouts.globalMs !== 0 || this.#timeouts.perTryMs !== 0) {
      // The first attempt has all of it, whatever time was spent on the way to it.
      const elapsedMs = count === 1 ? 0 : this.#deps.clock.now() - this.#startedAt;
      setTimeoutHeaders(headers, this.#timeouts, action, elapsedMs, this.#call.suppressEnvoyHeaders);
    }
  }

  #send(target: UpstreamTarget): Promise<HttpResponse> {
    const { plan, action } = this.#route;
    const request = this.#request;
    const call = this.#call;
    const { cluster } = target;
    const attempt = this.#attempt = new UpstreamAttempt({
      hash: plan.hash === null ? null : plan.hash(request, call),
      excluded: this.#tried?.excluded ?? null,
      excludedPriorities: this.#tried?.excludedPriorities ?? null,
      maxReselections: this.#retry?.policy.hostSelectionRetryMaxAttempts ?? 0,
      subset: plan.subset,
      // Envoy: a retry may go elsewhere.
      override: call.attemptCount === 1 ? call.overrideHost : null,
      headers: request.headers,
      attempt: call.attemptCount - 1,
      destination: destinationOf(cluster, request, call),
      highPriority: action.priority === "high",
      downstreamAddress: proxiedAddress(cluster, call),
      alpnOverride: call.alpnOverride,
      requiresMutualTls: call.requiresMutualTls,
      onHost: plan.autoHost
        ? (host) => plan.rewriteToEndpoint(request, host.endpoint.hostname, call.suppressEnvoyHeaders)
        : null,
    });
    request.body = this.#content.next();
    this.#timers?.begin(attempt.exchange);
    return target.send(request, attempt).then(this.#onResponse, this.#onFailure);
  }

  readonly #onResponse = (response: HttpResponse): HttpResponse | Promise<HttpResponse> => {
    const attempt = this.#attempt!;
    const { status, headers } = response;
    this.#settleAttempt(attempt);
    const retry = this.#retry;
    if (retry !== null && retry.appliesToResponse(status, headers, this.#request.headers)) {
      const next = this.#retryAfter({ kind: "response", status, headers });
      if (next !== null) {
        attempt.discard(response);
        return next;
      }
    }
    const policy = this.#route.action.internalRedirect;
    if (policy !== null && policy.statuses.includes(status)) this.#redirect(policy, response, attempt);
    return this.#answer(response, attempt.exchange);
  };

  readonly #onFailure = (error: unknown): HttpResponse | Promise<HttpResponse> => {
    const attempt = this.#attempt!;
    this.#settleAttempt(attempt);
    this.#timers?.settle();
    const ended = this.#ended;
    if (ended !== null) return this.#fail(ended.error);
    const reason = resetReasonOf(error);
    if (reason !== null) {
      const { requestStarted } = attempt.exchange;
      const next = this.#retryAfter({ kind: "reset", reason, requestStarted });
      if (next !== null) return next;
    }
    return this.#fail(error);
  };

  /** The next attempt where the policy wants one and the request can be sent again; `null` otherwise. */
  #retryAfter(outcome: AttemptOutcome): Promise<HttpResponse> | null {
    const retry = this.#retry;
    if (retry === null || !this.#content.replayable) return null;
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
    if (host !== null) (this.#tried ??= new TriedHosts(retry.policy)).add(host);
    this.#timers?.settle();
    resources.retries.count++;
    this.#retrySlot = resources;
    const answered = outcome.kind === "response" ? outcome : null;
    const delayMs = retry.nextDelayMs(answered?.headers ?? null, this.#deps.clock.now(), answered?.status);
    return this.#pause(delayMs).then(() => {
      if (this.#ended !== null || !this.#content.replayable) {
        this.#releaseRetrySlot();
        return this.#ended !== null ? this.#fail(this.#ended.error) : this.#bufferExceeded();
      }
      this.#describeAttempt(++this.#call.attemptCount);
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

  /** Throws {@linkcode InternalRedirect} where the policy has the redirect followed. */
  #redirect(policy: InternalRedirectPolicy, response: HttpResponse, attempt: UpstreamAttempt): void {
    const request = this.#request;
    const call = this.#call;
    if (!this.#content.complete) return;
    request.body = this.#content.again();
    if (!followRedirect(policy, request, call, response.status, response.headers)) return;
    attempt.discard(response);
    this.#timers?.stop();
    call.attemptCount = 0;
    call.endpoint = call.upstream = call.upstreamProtocol = null;
    throw new InternalRedirect();
  }

  #settleAttempt(attempt: UpstreamAttempt): void {
    this.#releaseRetrySlot();
    const call = this.#call;
    call.endpoint = attempt.host?.endpoint ?? null;
    call.upstream = attempt.exchange.connection;
    call.upstreamProtocol = attempt.exchange.protocol;
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
    const timers = this.#timers;
    timers?.answered(response);
    // Of an answer that came before the end of the request it says nothing, nor to a request that wants an upgrade.
    if (this.#content.sent && this.#request.upgrade === undefined && !call.suppressEnvoyHeaders) {
      const elapsed = Math.max(0, Math.round(this.#deps.clock.now() - this.#startedAt));
      headers.set("x-envoy-upstream-service-time", String(elapsed));
    }
    this.#content.commit();
    if (plan.place.virtualHost.includeAttemptCountInResponse) {
      headers.set("x-envoy-attempt-count", String(call.attemptCount));
    }
    plan.cookies?.(headers, call);
    plan.responseHeaders?.(headers, call);
    // Some limits cover the response to its end, and an application's call ends with its last attempt.
    if (call.downstream === null || timers?.coversResponse === true) {
      exchange.onComplete((error) => this.#completed(exchange, error));
    }
    return response;
  }

  #completed(exchange: Exchange, error: unknown): void {
    const call = this.#call;
    if (error instanceof MeshError) {
      const { flag, details } = brokenOff(error, this.#timers?.expired ?? null);
      call.addFlag(flag);
      call.responseCodeDetails = details;
    }
    this.#timers?.stop();
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
    const { expired } = this.#timers ?? { expired: null };
    this.#timers?.stop();
    const call = this.#call;
    this.#content.cancel(error);
    if (call.exchange.cancelled) {
      call.addFlag("DC");
      call.responseCodeDetails = "downstream_remote_disconnect";
      throw call.exchange.reason;
    }
    if (call.abandoned) throw error;
    if (error instanceof ConnectError) call.upstreamTransportFailureReason = error.transportFailure;
    const reply = failureReply(error);
    if (reply === null) throw error;
    const timedOut = error instanceof MeshError && error.code === "UPSTREAM_REQUEST_TIMEOUT" && expired !== null;
    return this.#reply(timedOut ? expiryReply(reply, expired, this.#content.sent, this.#overrides) : reply);
  }

  #bufferExceeded(): HttpResponse {
    this.#timers?.stop();
    this.#content.cancel();
    return this.#reply(BUFFER_EXCEEDED);
  }

  #reply(reply: LocalReply): HttpResponse {
    const response = localReply(this.#request, this.#call, reply);
    const { plan } = this.#route;
    if (this.#call.suppressEnvoyHeaders) response.headers.delete("x-envoy-overloaded");
    if (plan.place.virtualHost.includeAttemptCountInResponse) {
      response.headers.set("x-envoy-attempt-count", String(Math.max(1, this.#call.attemptCount)));
    }
    plan.changeLocalReply(response, this.#call);
    return response;
  }

  #clusterNotFound(): HttpResponse {
    const { clusterName, action } = this.#route;
    this.#content.cancel();
    return this.#reply(clusterNotFound(clusterName, action.clusterNotFoundStatus));
  }

  /** Ends whatever is under way: the caller gave up, or the global limit passed. */
  #end(error: unknown): void {
    this.#ended ??= { error };
    this.#wake?.();
    this.#attempt?.exchange.cancel(error);
  }

  #watchTime(): void {
    const content = this.#content;
    // Of the whole request as far as it is there; of a stream once its last byte was read.
    content.onSent(() => {
      this.#startedAt = this.#deps.clock.now();
      this.#timers?.requestSent();
    });
    const { globalMs, perTryMs, perTryIdleMs } = this.#timeouts;
    const durationMs = this.#overrides?.streamDurationMs ?? 0;
    if (globalMs === 0 && perTryMs === 0 && perTryIdleMs === 0 && durationMs === 0) return;
    const end = (error: unknown) => this.#end(error);
    const arm = (ms: number, callback: () => void) => this.#arm(ms, callback);
    this.#timers = new RequestTimers(arm, this.#timeouts, durationMs, content.sent, end);
    this.#timers.start();
  }

  #arm(ms: number, callback: () => void): Timer {
    const { timers, clock } = this.#deps;
    return timers === undefined ? clock.timer(ms, callback) : timers.arm(ms, callback);
  }
}
