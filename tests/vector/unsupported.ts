/** Reports that recordings may give, by what is unsupported, each with its reason. Nothing else may be reported. */
export interface ExpectedReport {
  /** Part of the report. */
  readonly what: string;
  /** Recordings that give it, `scenario/node` or `scenario/`. */
  readonly recordings: readonly string[];
  /** Why that is right. */
  readonly reason: string;
}

/** All of them. */
export const EXPECTED_REPORTS: readonly ExpectedReport[] = [
  {
    what: "envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
    recordings: ["ambient/", "seq-ambient/"],
    reason: "HBONE endpoints are reached through an internal listener; without HBONE they refuse",
  },
  {
    what: "envoy.extensions.filters.http.set_filter_state.v3.Config",
    recordings: ["ambient/httpbin-hbone", "ambient/sleep-hbone"],
    reason: "the inbound HBONE listener belongs to HBONE",
  },
  {
    what: "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
    recordings: ["authz/"],
    reason: "external authorization is not served yet: chains that ask for it refuse",
  },
  {
    what: "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz",
    recordings: ["authz/cart"],
    reason: "external authorization is not served yet: chains that ask for it refuse",
  },
  {
    what: "envoy.extensions.filters.http.lua.v3.Lua",
    recordings: ["envoyfilter/httpbin"],
    reason: "Lua is not served: chains that ask for it refuse, or the user skips it",
  },
  {
    what: "lab.unknown.Filter",
    recordings: ["envoyfilter/sleep"],
    reason: "nobody knows this filter; the recording is there to see that",
  },
  {
    what: "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb",
    recordings: ["grpc/"],
    reason: "the stand-in parsers of these tests do not know it",
  },
  {
    what: "envoy.extensions.filters.http.wasm.v3.Wasm",
    recordings: ["wasm/", "seq-extensions/httpbin"],
    reason: "the stand-in parsers of these tests do not know it",
  },
  {
    what: "envoy.extensions.filters.network.wasm.v3.Wasm",
    recordings: ["wasm/httpbin"],
    reason: "the stand-in parsers of these tests do not know it",
  },
  {
    what: "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
    recordings: ["telemetry/"],
    reason: "logs go to files and standard output; those over OTLP are left out",
  },
];
