import type { Clock } from "../internal/clock.ts";
import type { CircuitBreakers } from "../resource/cluster.ts";
import { RequestWindow } from "./request_window.ts";

/** Envoy's limits where a cluster gives none. */
export const DEFAULT_CIRCUIT_BREAKERS: CircuitBreakers = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: null,
};

/** A counter with a limit. */
export class Resource {
  /** The most there may be. */
  readonly max: number;
  /** How many there are. */
  count = 0;

  /** @param max The limit; Istio's default is 4294967295, which is none. */
  constructor(max: number) {
    this.max = max;
  }

  /** Whether no more may be taken. */
  get full(): boolean {
    return this.count >= this.max;
  }
}

/** Circuit breakers of a cluster for one priority: what would exceed one fails at once with `UO`. */
export class ClusterResources {
  readonly connections: Resource;
  readonly pendingRequests: Resource;
  readonly requests: Resource;
  readonly retries: Resource;
  readonly #budget: CircuitBreakers["retryBudget"];

  /** Requests that have begun lately; `null` unless the budget counts them. */
  readonly window: RequestWindow | null;

  /**
   * @param limits The thresholds of one priority.
   * @param clock Time, for budgets that look back.
   */
  constructor(limits: CircuitBreakers, clock: Clock) {
    const { intervalMs = 0 } = limits.retryBudget ?? {};
    this.window = intervalMs === 0 ? null : new RequestWindow(clock, intervalMs);
    this.connections = new Resource(limits.maxConnections);
    this.pendingRequests = new Resource(limits.maxPendingRequests);
    this.requests = new Resource(limits.maxRequests);
    this.retries = new Resource(limits.maxRetries);
    this.#budget = limits.retryBudget;
  }

  /**
   * Whether one more retry may be under way: by the retry budget where there is one (a percentage of the requests under
   * way, or begun within its interval, but never fewer than its minimum), else by `max_retries`.
   */
  get mayRetry(): boolean {
    if (this.#budget === null) return !this.retries.full;
    // Requests that wait for a connection are among those under way; Envoy counts the two apart and adds them up. A part
    // of a retry is none.
    const counted = this.window === null ? this.requests.count : this.window.count;
    const allowed = Math.floor(counted * this.#budget.percent / 100);
    return this.retries.count < Math.max(this.#budget.minConcurrency, allowed);
  }
}
