import { chosenCluster } from "../lib/filter/chosen_cluster.ts";
import type { FilterContext, HttpFilterType, HttpLayer } from "../lib/filter/http_filter.ts";
import { grpcStatusOf, hasGrpcContentType } from "../lib/formatter/grpc_status.ts";
import type { Call } from "../lib/http/call.ts";
import type { Clock, Timer } from "../lib/internal/clock.ts";
import { decode } from "../lib/protobuf/registry.ts";
import { structToJson } from "../lib/protobuf/well_known.ts";
import type { FilterTelemetry } from "../lib/telemetry/filter_telemetry.ts";
import type { IstioRecorder } from "../lib/telemetry/istio_metrics.ts";
import type { PeerMetadata } from "../lib/telemetry/peer_metadata.ts";
import type { SeriesFacts } from "../lib/telemetry/series_memory.ts";
import { readStatsConfig, type StatsConfig, statsPluginConfigOfJson } from "../lib/telemetry/stats_config.ts";

const CONFIG = "stats.PluginConfig";
const NO_ATTRIBUTES: readonly string[] = [];

/**
 * `istio.stats`: Istio's standard metrics. Each request is counted when it is over, whoever answered it; the messages of
 * a long gRPC stream are counted every reporting interval (`tcp_reporting_duration`) while it lasts.
 */
export const istioStatsFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes, form) {
    const config = readStatsConfig(
      form === "struct"
        ? statsPluginConfigOfJson(structToJson(decode("google.protobuf.Struct", bytes)))
        : decode(CONFIG, bytes),
    );
    return {
      watches: true,
      unsupported: config.unsupported,
      create: (context) => context.telemetry === undefined ? null : statsLayer(config, context.telemetry, context),
    };
  },
};

function statsLayer(config: StatsConfig, telemetry: FilterTelemetry, context: FilterContext): HttpLayer {
  const recorder = telemetry.metrics.recorder(context.direction === "inbound" ? "destination" : "source", config);
  const watch = new RequestWatch(recorder, telemetry, context);
  return function istioStats(next) {
    return (request, call) => {
      // Decided before routes and filters change headers.
      watch.begin(call, hasGrpcContentType(request.headers));
      return next(request, call).then((response) => {
        call.response = response;
        return response;
      });
    };
  };
}

/** Gathers the facts of requests for one recorder. */
class RequestWatch {
  readonly #recorder: IstioRecorder;
  readonly #telemetry: FilterTelemetry;
  readonly #context: FilterContext;

  constructor(recorder: IstioRecorder, telemetry: FilterTelemetry, context: FilterContext) {
    this.#recorder = recorder;
    this.#telemetry = telemetry;
    this.#context = context;
  }

  begin(call: Call, grpc: boolean): void {
    if (!grpc) {
      call.exchange.onComplete(() => {
        // What came as gRPC-Web was gRPC behind its filter.
        if (call.grpcWeb) this.#countMessages(call, call.grpcRequestMessages, call.grpcResponseMessages);
        this.#record(call, call.grpcWeb);
      });
      return;
    }
    const messages = new MessageReport(
      call,
      this.#recorder.config.reportingIntervalMs,
      this.#context,
      (request, response) => this.#countMessages(call, request, response),
    );
    call.exchange.onComplete(() => {
      messages.over();
      this.#record(call, true);
    });
  }

  #countMessages(call: Call, request: number, response: number): void {
    const series = this.#recorder.messages(this.#seriesFacts(call));
    series.request?.add(request);
    series.response?.add(response);
  }

  #record(call: Call, grpc: boolean): void {
    const { exchange } = call;
    const inbound = call.direction === "inbound";
    const tls = (inbound ? call.downstream : call.upstream)?.tls ?? null;
    this.#recorder.recordRequest({
      peer: this.#peer(call),
      service: this.#service(call),
      peerPrincipal: tls?.peer?.principal ?? null,
      localPrincipal: tls?.localPrincipal ?? null,
      grpc,
      responseCode: call.responseCode,
      grpcStatus: grpc ? call.grpcStatus ?? grpcStatusOf(call) : null,
      responseFlags: call.responseFlags,
      durationMs: call.durationMs ?? this.#context.clock.now() - call.startTime,
      requestBytes: exchange.requestHeaderBytes + exchange.requestBodyBytes,
      responseBytes: exchange.responseHeaderBytes + exchange.responseBodyBytes,
      attributes: this.#attributes(call),
    });
  }

  #seriesFacts(call: Call): SeriesFacts {
    const tls = (call.direction === "inbound" ? call.downstream : call.upstream)?.tls ?? null;
    return {
      peer: this.#peer(call),
      service: this.#service(call),
      peerPrincipal: tls?.peer?.principal ?? null,
      localPrincipal: tls?.localPrincipal ?? null,
      attributes: this.#attributes(call),
    };
  }

  #service(call: Call) {
    return this.#telemetry.services.of(
      chosenCluster(call, this.#context),
      call.routeName,
      this.#recorder.config.hostHeaderFallback ? call.authority : null,
    );
  }

  /** The peer as it introduced itself, else (outbound) as its endpoint is described. */
  #peer(call: Call): PeerMetadata | null {
    if (call.peer !== null || call.endpoint === null) return call.peer;
    return this.#telemetry.endpoints.get(call.endpoint.metadata);
  }

  #attributes(call: Call): readonly string[] {
    const { attributes } = this.#recorder.config;
    if (attributes.length === 0) return NO_ATTRIBUTES;
    const source = { info: call, peer: this.#peer(call), node: this.#telemetry.node.metadata };
    return attributes.map((attribute) => attribute(source));
  }
}

/** Reports the messages of one gRPC call: the difference to the last report, so that a long stream shows as it goes. */
class MessageReport {
  readonly #call: Call;
  readonly #intervalMs: number;
  readonly #timers: Clock;
  readonly #report: (request: number, response: number) => void;
  #request = 0;
  #response = 0;
  #timer: Timer;

  constructor(
    call: Call,
    intervalMs: number,
    { timers, clock }: FilterContext,
    report: (request: number, response: number) => void,
  ) {
    this.#call = call;
    this.#intervalMs = intervalMs;
    this.#timers = timers ?? clock;
    this.#report = report;
    this.#timer = this.#arm();
  }

  /** Reports what is not reported yet, for the last time. */
  over(): void {
    this.#timer.cancel();
    this.#flush();
  }

  #arm(): Timer {
    return this.#timers.timer(this.#intervalMs, () => {
      // Without the answer's head the peer is not known yet: the report waits.
      if (this.#call.response !== null) this.#flush();
      this.#timer = this.#arm();
    });
  }

  #flush(): void {
    const { grpcRequestMessages, grpcResponseMessages } = this.#call;
    const request = grpcRequestMessages - this.#request;
    const response = grpcResponseMessages - this.#response;
    if (request === 0 && response === 0) return;
    this.#request = grpcRequestMessages;
    this.#response = grpcResponseMessages;
    this.#report(request, response);
  }
}
