import type { OutcomeTable } from "./outcome_table.ts";
import { at, BILLING, CART, cluster, DEFAULT_RETRIES, HTTPBIN } from "./parts.ts";

const OWN = cluster(HTTPBIN, 8000);
const UNLIMITED = 4_294_967_295;

/** Time limits, retries, faults, mirrors, connection pools, outlier detection, retry budgets, port level settings. */
export const RESILIENCE: OutcomeTable = {
  recording: "resilience/sleep",
  fake: { without: /$^/ },
  cases: [
    {
      request: "http://httpbin:8000/slow/1",
      expect: {
        route: "slow",
        cluster: OWN,
        timeoutMs: 2500,
        retry: {
          retryOn: ["5xx", "gateway-error", "reset", "retriable-4xx", "retriable-status-codes"],
          retriableStatusCodes: [503],
          numRetries: 5,
          perTryTimeoutMs: 400,
          previousHosts: true,
          previousPriorities: { updateFrequency: 2 },
          backoff: { baseMs: 50 },
        },
        headers: { "x-envoy-expected-rq-timeout-ms": "400" },
        mirrors: [],
        settings: {
          connectTimeoutMs: 250,
          circuitBreakers: {
            maxConnections: 20,
            maxPendingRequests: 8,
            maxRequests: 64,
            maxRetries: 4,
            retryBudget: null,
          },
          tcpKeepalive: { probes: 3, timeSeconds: 60, intervalSeconds: 10 },
          http: {
            protocol: "http2",
            idleTimeoutMs: 30_000,
            maxRequestsPerConnection: 100,
            maxConnectionDurationMs: 600_000,
            maxConcurrentStreams: 50,
          },
          outlierDetection: {
            consecutive5xx: 3,
            enforcingConsecutive5xx: 100,
            consecutiveGatewayFailure: 2,
            enforcingConsecutiveGatewayFailure: 100,
            consecutiveLocalOriginFailure: 4,
            splitExternalLocalOriginErrors: true,
            intervalMs: 5000,
            baseEjectionTimeMs: 20_000,
            maxEjectionPercent: 50,
            enforcingSuccessRate: 0,
          },
          loadBalancing: {
            policy: "least_request",
            healthyPanicThreshold: 30,
            slowStartWindowMs: 30_000,
            slowStartAggression: 1.5,
            slowStartMinWeightPercent: 20,
          },
        },
        // Outlier detection alone makes closer endpoints go first: the client is in west-1.
        endpoints: [
          { address: "10.0.0.11:8080", locality: "west/west-1", priority: 0 },
          { address: "10.0.0.12:8080", locality: "west/west-2", priority: 1 },
        ],
      },
    },
    { request: "http://httpbin:8000/once", expect: { route: "no-retries", cluster: OWN, retry: null, timeoutMs: 0 } },
    {
      request: "http://httpbin:8000/",
      headers: { "x-fault": "on" },
      draw: 0.1,
      expect: { route: "faulty", cluster: OWN, delayMs: 1500, flags: "DI", retry: DEFAULT_RETRIES },
    },
    { request: "http://httpbin:8000/", headers: { "x-fault": "on" }, draw: 0.13, expect: { delayMs: 0, flags: "-" } },
    {
      request: "http://httpbin:8000/",
      headers: { "x-fault": "on" },
      draw: 0.0005,
      expect: { answer: { status: 429 }, flags: "DI,FI" },
    },
    {
      request: "POST http://httpbin:8000/service/Method",
      headers: { "x-fault": "grpc", "content-type": "application/grpc" },
      expect: { route: "faulty-grpc", answer: { status: 200, headers: { "grpc-status": "14" } }, flags: "FI" },
    },
    {
      request: "http://httpbin:8000/any?x=1",
      draw: 0.2,
      expect: {
        route: "shadowed",
        cluster: OWN,
        // The second mirror names no port and gets the listener's: there is no such cluster.
        mirrors: [{ cluster: cluster(CART, 80), path: "/any?x=1", authority: "httpbin:8000" }],
      },
    },
    { request: "http://httpbin:8000/any", draw: 0.4, expect: { route: "shadowed", mirrors: [] } },
    {
      request: "http://cart.shop/",
      expect: {
        cluster: cluster(CART, 80),
        settings: {
          circuitBreakers: { maxRequests: UNLIMITED, retryBudget: { percent: 25, minConcurrency: 5 } },
          outlierDetection: {
            consecutive5xx: 0,
            enforcingConsecutive5xx: 0,
            consecutiveGatewayFailure: 5,
            enforcingConsecutiveGatewayFailure: 100,
          },
        },
        endpoints: [{ address: "10.0.1.2:9080", priority: 1 }, { address: "10.0.1.1:9080", priority: 0 }],
      },
    },
    // The settings of the port stand in place of all the rule's: no outlier detection, no random choice.
    {
      request: "http://billing.legacy:8080/",
      expect: {
        cluster: cluster(BILLING, 8080),
        settings: {
          outlierDetection: null,
          circuitBreakers: { maxRequests: 32, maxConnections: UNLIMITED },
          loadBalancing: { policy: "least_request" },
        },
        endpoints: [{ address: "10.0.2.1:8080", transport: "plaintext" }],
      },
    },
  ],
};

/** The same from the other zone: it is its own endpoint that goes first. */
export const RESILIENCE_SERVER: OutcomeTable = {
  recording: "resilience/httpbin",
  fake: { without: /$^/ },
  cases: [
    {
      request: "http://httpbin:8000/slow",
      expect: { cluster: OWN, endpoints: at("10.0.0.11:8080", "10.0.0.12:8080") },
    },
  ],
};
