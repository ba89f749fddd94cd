/**
 * What becomes of a header that a caller sends although it belongs to proxies:
 *
 * - `kept`: it arrives as it was sent;
 * - `removed`: it does not arrive;
 * - `replaced`: it arrives with what the proxy itself says;
 * - `appended`: what the proxy itself says comes behind it.
 */
export type HeaderTreatment = "kept" | "removed" | "replaced" | "appended";

/** A header that proxies speak to each other by. */
export interface ProxyHeader {
  /** Lower case. */
  readonly name: string;
  /** On the way from the application into the mesh. */
  readonly outbound: HeaderTreatment;
  /** On the way from the mesh to the application. */
  readonly inbound: HeaderTreatment;
  /** Why, where it is not what the connection manager does with the headers of every external request. */
  readonly because?: string;
}

const removed = (name: string, because?: string): ProxyHeader => ({
  name,
  outbound: "removed",
  inbound: "removed",
  ...(because === undefined ? {} : { because }),
});

const kept = (name: string, because?: string): ProxyHeader => ({
  name,
  outbound: "kept",
  inbound: "kept",
  ...(because === undefined ? {} : { because }),
});

/**
 * Every header of proxies that a caller may forge, and what becomes of it at a sidecar as Istio configures it:
 * `use_remote_address: false` and no `internal_address_config`, so that every request is external and none is an edge
 * request. `tests/interop/headers_test.ts` holds the table against Envoy.
 *
 * @see Envoy `ConnectionManagerUtility::mutateRequestHeaders` and `cleanInternalHeaders`.
 */
export const PROXY_HEADERS: readonly ProxyHeader[] = [
  // What would steer the router.
  removed("x-envoy-retry-on"),
  removed("x-envoy-retry-grpc-on"),
  removed("x-envoy-max-retries"),
  removed("x-envoy-retriable-status-codes"),
  removed("x-envoy-retriable-header-names"),
  removed("x-envoy-hedge-on-per-try-timeout"),
  removed("x-envoy-upstream-rq-timeout-ms"),
  removed("x-envoy-upstream-rq-per-try-timeout-ms"),
  removed("x-envoy-upstream-rq-timeout-alt-response"),
  removed("x-envoy-upstream-alt-stat-name"),
  removed("x-envoy-expected-rq-timeout-ms"),
  removed("x-envoy-upstream-stream-duration-ms", "it is honoured, by the router, which takes it off"),
  kept("x-envoy-original-dst-host", "it steers nothing unless an ORIGINAL_DST cluster is configured to read it"),
  // What would pass the caller off as somebody.
  removed("x-envoy-internal"),
  removed("x-envoy-ip-tags"),
  removed("x-envoy-original-url"),
  removed("x-envoy-force-trace"),
  {
    name: "x-forwarded-client-cert",
    outbound: "removed",
    inbound: "removed",
    because: "without a certificate; on mutual TLS the inbound side appends to it",
  },
  {
    name: "x-envoy-peer-metadata",
    outbound: "replaced",
    inbound: "removed",
    because: "the metadata exchange of Istio owns it; outbound only towards services of the mesh, else removed",
  },
  {
    name: "x-envoy-peer-metadata-id",
    outbound: "replaced",
    inbound: "removed",
    because: "the metadata exchange of Istio owns it; outbound only towards services of the mesh, else removed",
  },
  kept("x-forwarded-for"),
  kept("x-forwarded-proto"),
  kept("x-forwarded-host"),
  kept("x-forwarded-port"),
  kept("forwarded"),
  kept("via"),
  kept("x-real-ip"),
  kept("x-envoy-external-address"),
  kept("x-envoy-downstream-service-cluster"),
  kept("x-envoy-downstream-service-node"),
  {
    name: "x-envoy-decorator-operation",
    outbound: "replaced",
    inbound: "removed",
    because: "istiod has requests traced: the name of the operation goes from proxy to proxy",
  },
  // What is said about the request on its way.
  {
    name: "x-envoy-attempt-count",
    outbound: "replaced",
    inbound: "kept",
    because: "istiod has outbound virtual hosts count attempts",
  },
  kept("x-envoy-is-timeout-retry"),
  kept("x-envoy-original-path"),
  kept("x-envoy-original-host"),
  kept("x-envoy-original-method"),
  kept("x-envoy-auth-partial-body"),
  kept("x-envoy-fault-abort-request"),
  kept("x-envoy-fault-abort-request-percentage"),
  kept("x-envoy-fault-abort-grpc-request"),
  kept("x-envoy-fault-delay-request"),
  kept("x-envoy-fault-delay-request-percentage"),
  kept("x-envoy-fault-throughput-response"),
  // What belongs to answers means nothing in a request.
  kept("x-envoy-cluster"),
  kept("x-envoy-degraded"),
  kept("x-envoy-drop-overload"),
  kept("x-envoy-immediate-health-check-fail"),
  kept("x-envoy-local-overloaded"),
  kept("x-envoy-overloaded"),
  kept("x-envoy-ratelimited"),
  kept("x-envoy-upstream-canary"),
  kept("x-envoy-upstream-healthchecked-cluster"),
  kept("x-envoy-upstream-host-address"),
  kept("x-envoy-upstream-hostname"),
  kept("x-envoy-upstream-service-time"),
  // Traces are the application's to go on with.
  kept("x-request-id", "one is made where there is none"),
  kept("x-client-trace-id"),
  kept("traceparent"),
  kept("tracestate"),
  kept("b3"),
  kept("x-b3-traceid"),
  kept("x-b3-spanid"),
  kept("x-b3-parentspanid"),
  kept("x-b3-sampled"),
  kept("x-b3-flags"),
  kept("x-ot-span-context"),
  kept("x-cloud-trace-context"),
  // Of Istio's past and present.
  kept("x-istio-attributes", "nothing reads it any more"),
  // Of one hop.
  removed("keep-alive", "it is of the connection"),
  removed("proxy-connection", "it is of the connection"),
];
