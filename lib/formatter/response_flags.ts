/** Names of Envoy's response flags as `%RESPONSE_FLAGS_LONG%` has them, by the short ones. */
const LONG_NAMES: Readonly<Record<string, string>> = {
  DC: "DownstreamConnectionTermination",
  DF: "DnsResolutionFailed",
  DI: "DelayInjected",
  DO: "DropOverload",
  DPE: "DownstreamProtocolError",
  DR: "DownstreamRemoteReset",
  DT: "DurationTimeout",
  FI: "FaultInjected",
  IH: "InvalidEnvoyRequestHeaders",
  LH: "FailedLocalHealthCheck",
  LR: "LocalReset",
  NC: "NoClusterFound",
  NFCF: "NoFilterConfigFound",
  NR: "NoRouteFound",
  OM: "OverloadManagerTerminated",
  RFCF: "ResponseFromCacheFilter",
  RL: "RateLimited",
  RLSE: "RateLimitServiceError",
  SI: "StreamIdleTimeout",
  UAEX: "UnauthorizedExternalService",
  UC: "UpstreamConnectionTermination",
  UDO: "UnconditionalDropOverload",
  UF: "UpstreamConnectionFailure",
  UH: "NoHealthyUpstream",
  UMSDR: "UpstreamMaxStreamDurationReached",
  UO: "UpstreamOverflow",
  UPE: "UpstreamProtocolError",
  UR: "UpstreamRemoteReset",
  URX: "UpstreamRetryLimitExceeded",
  UT: "UpstreamRequestTimeout",
};

/** The long names of flags, joined as the short ones are. */
export function longResponseFlags(flags: string): string {
  return flags.split(",").map((flag) => LONG_NAMES[flag] ?? flag).join(",");
}
