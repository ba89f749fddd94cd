// An add-on metric: `addon_requests_total` by the class of the status and the method, written with Istio's tags.
// Configuration: { "name": "addon_requests_total" }, which is the default.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  define_metric,
  FilterHeadersStatusValues,
  increment_metric,
  MetricTypeValues,
  registerRootContext,
  RootContext,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/runtime";

class MetricsRoot extends RootContext {
  private counters: Map<string, u32> = new Map<string, u32>();

  createContext(context_id: u32): Context {
    return new MetricsContext(context_id, this);
  }

  private metricName(): string {
    const json = this.getConfiguration();
    const key = json.indexOf("\"name\"");
    if (key < 0) return "addon_requests_total";
    const from = json.indexOf("\"", json.indexOf(":", key)) + 1;
    return json.substring(from, json.indexOf("\"", from));
  }

  count(method: string, status: string): void {
    const key = method + " " + status.charAt(0);
    if (!this.counters.has(key)) {
      const name = this.metricName();
      const tags = "method=.=" + method + ";.;response_class=.=" + status.charAt(0) + "xx;.;";
      this.counters.set(key, define_metric(MetricTypeValues.Counter, tags + name).metric_id);
    }
    increment_metric(this.counters.get(key), 1);
  }
}

class MetricsContext extends Context {
  private method: string = "";

  constructor(context_id: u32, root_context: MetricsRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    this.method = stream_context.headers.request.get(":method");
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const root = this.root_context as MetricsRoot;
    root.count(this.method, stream_context.headers.response.get(":status"));
    return FilterHeadersStatusValues.Continue;
  }

  // Does nothing: the one of the SDK writes a line at each.
  onLog(): void {}

  onDone(): bool {
    return true;
  }

  onDelete(): void {}
}

registerRootContext((context_id: u32) => new MetricsRoot(context_id), "");
