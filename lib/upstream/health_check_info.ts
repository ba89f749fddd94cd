import type { StreamInfo } from "../formatter/stream_info.ts";

/**
 * What the header values of a health check's request may name: nobody has sent it, so that there is little more than
 * where it goes.
 *
 * @param clusterName The cluster.
 * @param upstreamHost `ip:port` of the host.
 * @param startTime Milliseconds since the epoch.
 */
export function healthCheckInfo(clusterName: string, upstreamHost: string, startTime: number): StreamInfo {
  return {
    direction: "outbound",
    startTime,
    durationMs: null,
    method: "",
    path: "",
    authority: "",
    scheme: "",
    protocol: null,
    requestHeaders: null,
    responseHeaders: null,
    responseTrailers: null,
    responseCode: 0,
    responseCodeDetails: null,
    connectionTerminationDetails: null,
    responseFlags: "-",
    requestHeaderBytes: 0,
    requestBodyBytes: 0,
    responseHeaderBytes: 0,
    responseBodyBytes: 0,
    routeName: null,
    clusterName,
    upstreamHost,
    upstreamHostName: upstreamHost,
    upstreamProtocol: null,
    upstreamTls: null,
    upstreamLocalAddress: null,
    upstreamTransportFailureReason: null,
    upstreamPeerPrincipal: null,
    attemptCount: 0,
    downstreamLocalAddress: null,
    downstreamRemoteAddress: null,
    downstreamDirectRemoteAddress: null,
    downstreamPeerPrincipal: null,
    downstreamLocalPrincipal: null,
    downstreamTlsVersion: null,
    downstreamTlsCipher: null,
    requestedServerName: null,
    dynamicMetadata: null,
    filterState: null,
  };
}
