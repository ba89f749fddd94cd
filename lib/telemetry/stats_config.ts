import type { StatsPluginConfig } from "../protobuf/gen/messages.ts";
import { durationMs, type Json, toDuration } from "../protobuf/well_known.ts";
import { type Attribute, compileAttribute } from "./attribute.ts";

/** The Istio metrics, without their `istio_` prefix. */
export const ISTIO_METRICS = [
  "requests_total",
  "request_duration_milliseconds",
  "request_bytes",
  "response_bytes",
  "request_messages_total",
  "response_messages_total",
  "tcp_connections_opened_total",
  "tcp_connections_closed_total",
  "tcp_sent_bytes_total",
  "tcp_received_bytes_total",
] as const;

/** One of the Istio metrics, without its prefix. */
export type IstioMetric = typeof ISTIO_METRICS[number];

/** Every standard label, in the order in which Istio's proxy shows them. */
export const ISTIO_LABELS = [
  "reporter",
  "source_workload",
  "source_canonical_service",
  "source_canonical_revision",
  "source_workload_namespace",
  "source_principal",
  "source_app",
  "source_version",
  "source_cluster",
  "destination_workload",
  "destination_workload_namespace",
  "destination_principal",
  "destination_app",
  "destination_version",
  "destination_service",
  "destination_canonical_service",
  "destination_canonical_revision",
  "destination_service_name",
  "destination_service_namespace",
  "destination_cluster",
  "request_protocol",
  "response_code",
  "grpc_response_status",
  "response_flags",
  "connection_security_policy",
] as const;

/** What the configuration does to the labels of one metric. */
export interface MetricOverride {
  /** Whether the metric is not recorded at all. */
  readonly drop: boolean;
  /** Standard labels: `null` removes one, a number takes its value from that attribute of {@linkcode StatsConfig}. */
  readonly labels: ReadonlyMap<string, number | null>;
  /** Labels that are added at the end, sorted by name, with the attribute they take their value from. */
  readonly additions: readonly (readonly [name: string, attribute: number])[];
}

/** The configuration of the `istio.stats` filter, read. */
export interface StatsConfig {
  /** Whether the request's host names the destination service where the cluster does not. */
  readonly hostHeaderFallback: boolean;
  /** Milliseconds between two reports of a long connection or stream. */
  readonly reportingIntervalMs: number;
  /** Changes by metric. */
  readonly overrides: ReadonlyMap<IstioMetric, MetricOverride>;
  /** Attributes that labels take their values from, each once. */
  readonly attributes: readonly Attribute[];
  /** What is asked for and not supported, in words; its labels read `unknown`, as Istio's do when they cannot be computed. */
  readonly unsupported: readonly string[];
}

/** The configuration of an empty `stats.PluginConfig`. */
export const DEFAULT_STATS_CONFIG: StatsConfig = {
  hostHeaderFallback: true,
  reportingIntervalMs: 5000,
  overrides: new Map(),
  attributes: [],
  unsupported: [],
};

interface Draft {
  drop: boolean;
  labels: Map<string, number | null>;
  additions: [string, number][];
}

/**
 * Reads a `stats.PluginConfig`: dropped metrics, removed labels, and labels whose value is a plain attribute
 * (`request.method`, `request.headers['x']`) or a string. Other CEL expressions are reported as unsupported.
 */
export function readStatsConfig(config: StatsPluginConfig): StatsConfig {
  const drafts = new Map<IstioMetric, Draft>();
  const attributes: Attribute[] = [];
  const ids = new Map<string, number>();
  const unsupported: string[] = (config.definitions ?? []).map((definition) =>
    `metric definition '${definition.name ?? ""}': own metrics are not supported`
  );
  const attributeId = (expression: string): number => {
    let id = ids.get(expression);
    if (id === undefined) {
      const attribute = compileAttribute(expression);
      if (attribute === null) unsupported.push(`expression '${expression}': only plain attributes are supported`);
      id = attributes.push(attribute ?? (() => "unknown")) - 1;
      ids.set(expression, id);
    }
    return id;
  };
  for (const metric of config.metrics ?? []) {
    for (const name of targets(metric.name)) {
      let draft = drafts.get(name);
      if (draft === undefined) drafts.set(name, draft = { drop: false, labels: new Map(), additions: [] });
      if (metric.drop === true) draft.drop = true;
      for (const tag of metric.tagsToRemove ?? []) if (isStandard(tag)) draft.labels.set(tag, null);
      for (const tag of Object.keys(metric.dimensions ?? {}).sort()) {
        const id = attributeId(metric.dimensions![tag]!);
        if (isStandard(tag)) draft.labels.set(tag, id);
        else draft.additions = [...draft.additions.filter(([name]) => name !== tag), [tag, id]];
      }
    }
  }
  return {
    hostHeaderFallback: config.disableHostHeaderFallback !== true,
    reportingIntervalMs: durationMs(config.tcpReportingDuration) ?? 5000,
    overrides: drafts,
    attributes,
    unsupported,
  };
}

/** A metric without a name means all of them; a name that is none of ours is nobody's business here. */
function targets(name: string | undefined): readonly IstioMetric[] {
  if (name === undefined || name === "") return ISTIO_METRICS;
  return ISTIO_METRICS.filter((metric) => metric === name);
}

function isStandard(label: string): boolean {
  return (ISTIO_LABELS as readonly string[]).includes(label);
}

/** A `stats.PluginConfig` that came as JSON in a TypedStruct: names in either of protobuf's JSON spellings. */
export function statsPluginConfigOfJson(json: { readonly [key: string]: Json }): StatsPluginConfig {
  const config: StatsPluginConfig = {
    disableHostHeaderFallback: field(json, "disable_host_header_fallback") === true,
    metrics: objects(field(json, "metrics")).map((metric) => {
      const dimensions = field(metric, "dimensions");
      return {
        name: text(field(metric, "name")),
        drop: field(metric, "drop") === true,
        tagsToRemove: list(field(metric, "tags_to_remove")).filter((tag) => typeof tag === "string"),
        dimensions: Object.fromEntries(
          Object.entries(isObject(dimensions) ? dimensions : {}).map(([name, value]) => [name, text(value)]),
        ),
      };
    }),
    definitions: objects(field(json, "definitions")).map((definition) => ({ name: text(field(definition, "name")) })),
  };
  const duration = /^([0-9]+(?:\.[0-9]+)?)s$/.exec(text(field(json, "tcp_reporting_duration")));
  if (duration !== null) config.tcpReportingDuration = toDuration(Number(duration[1]) * 1000);
  return config;
}

function field(json: { readonly [key: string]: Json }, name: string): Json | undefined {
  return json[name] ?? json[name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())];
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objects(value: Json | undefined): { [key: string]: Json }[] {
  return list(value).filter(isObject);
}
