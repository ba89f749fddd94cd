import { HeaderList } from "../../lib/http/header_list.ts";
import type { StreamInfo } from "../../lib/formatter/stream_info.ts";

/** A request through a sidecar as an access log sees it; `overrides` change single facts. */
export function fakeStreamInfo(overrides: Partial<StreamInfo> = {}): StreamInfo {
  return {
    direction: "outbound",
    startTime: Date.UTC(2026, 10, 24, 3, 42, 0, 687),
    durationMs: 12.7,
    method: "GET",
    path: "/reviews/1?full",
    authority: "reviews:9080",
    scheme: "http",
    protocol: "HTTP/1.1",
    requestHeaders: new HeaderList([
      "user-agent",
      "curl/7.88.1",
      "x-request-id",
      "a38064e2-f292-4ceb-8ca2-5aad556e2905",
    ]),
    responseHeaders: new HeaderList(["x-envoy-upstream-service-time", "11"]),
    responseTrailers: null,
    responseCode: 200,
    responseCodeDetails: "via_upstream",
    connectionTerminationDetails: null,
    responseFlags: "-",
    requestHeaderBytes: 185,
    requestBodyBytes: 0,
    responseHeaderBytes: 124,
    responseBodyBytes: 379,
    routeName: "default",
    clusterName: "outbound|9080||reviews.default.svc.cluster.local",
    upstreamHost: "10.0.0.7:9080",
    upstreamLocalAddress: "10.0.0.1:41234",
    upstreamTransportFailureReason: null,
    upstreamPeerPrincipal: "spiffe://cluster.local/ns/default/sa/reviews",
    attemptCount: 1,
    downstreamLocalAddress: "10.96.0.9:9080",
    downstreamRemoteAddress: "10.0.0.1:55000",
    downstreamDirectRemoteAddress: "10.0.0.1:55000",
    downstreamPeerPrincipal: null,
    downstreamLocalPrincipal: null,
    downstreamTlsVersion: null,
    requestedServerName: null,
    dynamicMetadata: null,
    filterState: null,
    ...overrides,
  };
}
