import type { DestinationService } from "./destination_service.ts";
import { endLabels, type Ends, type Reporter } from "./istio_labels.ts";
import type { Counter, Histogram, Labels, MetricRegistry } from "./metric_registry.ts";
import type { PeerMetadata } from "./peer_metadata.ts";
import { ISTIO_LABELS, type IstioMetric, type StatsConfig } from "./stats_config.ts";

/** A finished HTTP request, as the standard metrics count it. */
export interface RequestFacts extends Ends {
  /** Whether the request was gRPC. */
  readonly grpc: boolean;
  /** 0 where no response was sent. */
  readonly responseCode: number;
  /** Status of a gRPC response; `null` for none. */
  readonly grpcStatus: number | null;
  /** Envoy's short flags, `-` for none. */
  readonly responseFlags: string;
  /** Milliseconds from the first byte of the request to the last of the response. */
  readonly durationMs: number;
  /** Bytes of the request, with headers. */
  readonly requestBytes: number;
  /** Bytes of the response, with headers. */
  readonly responseBytes: number;
  /** Values of the configuration's attributes, in their order; empty where it has none. */
  readonly attributes: readonly string[];
}

/** Series of the messages of one gRPC call; `null` where the metric is dropped. */
export interface MessageSeries {
  /** `istio_request_messages_total`. */
  readonly request: Counter | null;
  /** `istio_response_messages_total`. */
  readonly response: Counter | null;
}

/** Series of one TCP connection; `null` where the metric is dropped. */
export interface TcpSeries {
  /** `istio_tcp_connections_opened_total`. */
  readonly opened: Counter | null;
  /** `istio_tcp_connections_closed_total`. */
  readonly closed: Counter | null;
  /** `istio_tcp_sent_bytes_total`. */
  readonly sentBytes: Counter | null;
  /** `istio_tcp_received_bytes_total`. */
  readonly receivedBytes: Counter | null;
}

/** What the TCP metrics need of a connection. */
export interface TcpFacts extends Ends {
  /** Envoy's short flags, `-` for none. */
  readonly responseFlags: string;
  /** Values of the configuration's attributes, in their order; empty where it has none. */
  readonly attributes: readonly string[];
}

/** The standard metrics of Istio, of one workload. */
export class IstioMetrics {
  /** Where the metrics are kept. */
  readonly registry: MetricRegistry;
  /** Our own labels. */
  readonly local: PeerMetadata;

  /**
   * @param registry Where the metrics are kept.
   * @param local Our own labels.
   * @param version `ISTIO_VERSION` of our node, shown by `istio_build`.
   */
  constructor(registry: MetricRegistry, local: PeerMetadata, version: string) {
    this.registry = registry;
    this.local = local;
    registry.gauge("istio_build").with([["component", "proxy"], ["tag", version || "unknown"]]).set(1);
  }

  /** A recorder for one configured filter. */
  recorder(reporter: Reporter, config: StatsConfig): IstioRecorder {
    return new IstioRecorder(this, reporter, config);
  }
}

/** Labels that a gRPC message counter, a TCP metric do not have. */
const NOT_OF_MESSAGES = new Set([
  "request_protocol",
  "response_code",
  "grpc_response_status",
  "response_flags",
  "connection_security_policy",
]);
const NOT_OF_TCP = new Set(["response_code", "grpc_response_status"]);

/** What series were found for a request, with all that they were found by. */
interface RequestSeries extends Omit<RequestFacts, "durationMs" | "requestBytes" | "responseBytes"> {
  readonly requests: Counter | null;
  readonly duration: Histogram | null;
  readonly requestSizes: Histogram | null;
  readonly responseSizes: Histogram | null;
}

/** Most remembered series of one recorder; beyond it the memory (not the metrics) starts anew. */
const MAX_REMEMBERED = 4096;
/** Most remembered series of one peer and service. */
const MAX_LIST = 64;

/** Records requests and connections under one configuration of the `istio.stats` filter. */
export class IstioRecorder {
  /** What the control plane wants of the labels. */
  readonly config: StatsConfig;
  readonly #metrics: IstioMetrics;
  readonly #reporter: Reporter;
  /** By peer and service, both compared by identity: they are interned where they are read. */
  readonly #remembered: Map<PeerMetadata | null, Map<DestinationService, RequestSeries[]>> = new Map();
  #rememberedCount = 0;
  #last: RequestSeries | null = null;

  /**
   * @param metrics Where to record.
   * @param reporter Which side we are.
   * @param config What the control plane wants of the labels.
   */
  constructor(metrics: IstioMetrics, reporter: Reporter, config: StatsConfig) {
    this.config = config;
    this.#metrics = metrics;
    this.#reporter = reporter;
  }

  /** Counts a finished request. */
  recordRequest(facts: RequestFacts): void {
    let series = this.#last;
    if (series === null || !matches(series, facts)) this.#last = series = this.#find(facts);
    if (series.requests !== null) series.requests.value += 1;
    series.duration?.record(Math.floor(facts.durationMs));
    series.requestSizes?.record(facts.requestBytes);
    series.responseSizes?.record(facts.responseBytes);
  }

  /** The message counters of a gRPC call. */
  messages(ends: Ends, attributes: readonly string[]): MessageSeries {
    const values = endLabels(this.#reporter, this.#metrics.local, ends);
    return {
      request: this.#counter("request_messages_total", values, NOT_OF_MESSAGES, attributes),
      response: this.#counter("response_messages_total", values, NOT_OF_MESSAGES, attributes),
    };
  }

  /** The series of a TCP connection. */
  tcp(facts: TcpFacts): TcpSeries {
    const values = endLabels(this.#reporter, this.#metrics.local, facts);
    values["request_protocol"] = "tcp";
    values["response_flags"] = facts.responseFlags;
    values["connection_security_policy"] = this.#securityPolicy(facts);
    const counter = (metric: IstioMetric) => this.#counter(metric, values, NOT_OF_TCP, facts.attributes);
    return {
      opened: counter("tcp_connections_opened_total"),
      closed: counter("tcp_connections_closed_total"),
      sentBytes: counter("tcp_sent_bytes_total"),
      receivedBytes: counter("tcp_received_bytes_total"),
    };
  }

  #find(facts: RequestFacts): RequestSeries {
    let byService = this.#remembered.get(facts.peer);
    if (byService === undefined) this.#remembered.set(facts.peer, byService = new Map());
    let list = byService.get(facts.service);
    if (list === undefined) byService.set(facts.service, list = []);
    for (const series of list) if (matches(series, facts)) return series;
    const series = this.#resolve(facts);
    // A label that takes ever new values (a path, say) must not turn this scan into the cost of a request.
    if (list.length >= MAX_LIST) list.length = 0;
    list.push(series);
    if (++this.#rememberedCount > MAX_REMEMBERED) {
      this.#remembered.clear();
      this.#rememberedCount = 0;
    }
    return series;
  }

  #resolve(facts: RequestFacts): RequestSeries {
    const values = endLabels(this.#reporter, this.#metrics.local, facts);
    values["request_protocol"] = facts.grpc ? "grpc" : "http";
    values["response_code"] = String(facts.responseCode);
    values["grpc_response_status"] = facts.grpcStatus === null ? "" : String(facts.grpcStatus);
    values["response_flags"] = facts.responseFlags;
    values["connection_security_policy"] = this.#securityPolicy(facts);
    const none = new Set<string>();
    const histogram = (metric: IstioMetric) => {
      const labels = this.#labels(metric, values, none, facts.attributes);
      return labels === null ? null : this.#metrics.registry.histogram(`istio_${metric}`).with(labels);
    };
    const { peer, service, peerPrincipal, localPrincipal, grpc, responseCode, grpcStatus, responseFlags, attributes } =
      facts;
    return {
      peer,
      service,
      peerPrincipal,
      localPrincipal,
      grpc,
      responseCode,
      grpcStatus,
      responseFlags,
      attributes,
      requests: this.#counter("requests_total", values, none, attributes),
      duration: histogram("request_duration_milliseconds"),
      requestSizes: histogram("request_bytes"),
      responseSizes: histogram("response_bytes"),
    };
  }

  #counter(
    metric: IstioMetric,
    values: Readonly<Record<string, string>>,
    without: ReadonlySet<string>,
    attributes: readonly string[],
  ): Counter | null {
    const labels = this.#labels(metric, values, without, attributes);
    return labels === null ? null : this.#metrics.registry.counter(`istio_${metric}`).with(labels);
  }

  /** Labels of a metric under the configuration; `null` where the metric is dropped. */
  #labels(
    metric: IstioMetric,
    values: Readonly<Record<string, string>>,
    without: ReadonlySet<string>,
    attributes: readonly string[],
  ): Labels | null {
    const override = this.config.overrides.get(metric);
    if (override?.drop === true) return null;
    const labels: [string, string][] = [];
    for (const name of ISTIO_LABELS) {
      if (without.has(name)) continue;
      const change = override?.labels.get(name);
      if (change === null) continue;
      labels.push([name, change === undefined ? values[name]! : attributes[change] ?? "unknown"]);
    }
    for (const [name, attribute] of override?.additions ?? []) labels.push([name, attributes[attribute] ?? "unknown"]);
    return labels;
  }

  /** The source cannot know what became of its connection behind the peer: Istio writes `unknown` there, always. */
  #securityPolicy(ends: Ends): string {
    if (this.#reporter === "source") return "unknown";
    return ends.peerPrincipal !== null && ends.localPrincipal !== null ? "mutual_tls" : "none";
  }
}

function matches(series: RequestSeries, facts: RequestFacts): boolean {
  return series.peer === facts.peer && series.service === facts.service &&
    series.responseCode === facts.responseCode && series.grpcStatus === facts.grpcStatus &&
    series.responseFlags === facts.responseFlags && series.grpc === facts.grpc &&
    series.peerPrincipal === facts.peerPrincipal && series.localPrincipal === facts.localPrincipal &&
    (series.attributes === facts.attributes || sameValues(series.attributes, facts.attributes));
}

function sameValues(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}
