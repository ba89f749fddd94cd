/** A field of a message. */
export interface NewerField {
  /** As in the definition. */
  readonly name: string;
  readonly id: number;
  readonly type: string;
}

/** Fields of Envoy 1.40 that the definitions of the npm package are too old to have, by message. */
export const NEWER_FIELDS: Readonly<Record<string, readonly NewerField[]>> = {
  "envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget": [
    { name: "budget_interval", id: 3, type: "google.protobuf.Duration" },
  ],
  "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext": [
    { name: "auto_host_sni", id: 6, type: "bool" },
    { name: "auto_sni_san_validation", id: 7, type: "bool" },
  ],
  "envoy.config.cluster.v3.OutlierDetection": [
    { name: "detect_degraded_hosts", id: 26, type: "google.protobuf.BoolValue" },
  ],
  "envoy.extensions.wasm.v3.PluginConfig": [
    { name: "failure_policy", id: 7, type: "envoy.extensions.wasm.v3.FailurePolicy" },
    { name: "reload_config", id: 8, type: "envoy.extensions.wasm.v3.ReloadConfig" },
    { name: "allow_on_headers_stop_iteration", id: 9, type: "google.protobuf.BoolValue" },
  ],
};
