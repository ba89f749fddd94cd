import { endLabels, type Ends, type Reporter } from "./istio_labels.ts";
import type { Counter, Histogram, Labels, MetricRegistry } from "./metric_registry.ts";
import type { PeerMetadata } from "./peer_metadata.ts";
import { type SeriesFacts, SeriesMemory } from "./series_memory.ts";
import { ISTIO_LABELS, type IstioMetric, type StatsConfig } from "./stats_config.ts";

/** A finished HTTP request, as the standard metrics count it. */
export interface RequestFacts extends SeriesFacts {
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
export interface TcpFacts extends SeriesFacts {
  /** Envoy's short flags, `-` for none. */
  readonly responseFlags: string;
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

/** Records requests and connections under one configuration of the `istio.stats` filter. */
export class IstioRecorder {
  /** What the control plane wants of the labels. */
  readonly config: StatsConfig;
  readonly #metrics: IstioMetrics;
  readonly #reporter: Reporter;
  readonly #requests = new SeriesMemory<RequestFacts, RequestSeries>(matches, (facts) => this.#requestSeries(facts));
  readonly #messages = new SeriesMemory<SeriesFacts, MessageSeries & SeriesFacts>(
    () => true,
    (facts) => this.#messageSeries(facts),
  );

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
    const series = this.#requests.get(facts);
    if (series.requests !== null) series.requests.value += 1;
    series.duration?.record(Math.floor(facts.durationMs));
    series.requestSizes?.record(facts.requestBytes);
    series.responseSizes?.record(facts.responseBytes);
  }

  /** The message counters of a gRPC call. */
  messages(facts: SeriesFacts): MessageSeries {
    return this.#messages.get(facts);
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

  #messageSeries(facts: SeriesFacts): MessageSeries & SeriesFacts {
    const values = endLabels(this.#reporter, this.#metrics.local, facts);
    return {
      ...facts,
      request: this.#counter("request_messages_total", values, NOT_OF_MESSAGES, facts.attributes),
      response: this.#counter("response_messages_total", values, NOT_OF_MESSAGES, facts.attributes),
    };
  }

  #requestSeries(facts: RequestFacts): RequestSeries {
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
  return series.responseCode === facts.responseCode && series.grpcStatus === facts.grpcStatus &&
    series.responseFlags === facts.responseFlags && series.grpc === facts.grpc;
}
