import assert from "node:assert/strict";
import { exposeMetrics } from "../../lib/telemetry/exposition.ts";
import { MetricRegistry } from "../../lib/telemetry/metric_registry.ts";

Deno.test("prints what Envoy prints", () => {
  const registry = new MetricRegistry();
  const histogram = registry.histogram("istio_request_bytes").with([["reporter", "source"]]);
  for (const value of [0, 1, 1, 400, 4_000_000]) histogram.record(value);
  registry.histogram("a_empty_labels").with([]).record(0.5);
  registry.gauge("istio_build").with([["component", "proxy"], ["tag", "1.31.0"]]).set(1);
  registry.counter("z_total").with([]).add(3);
  registry.counter("istio_requests_total").with([["reporter", "source"], ["code", "503"]]).add(1);
  registry.counter("istio_requests_total").with([["reporter", "source"], ["code", "200"]]).add(7);
  registry.counter("never_used_total");
  assert.equal(
    exposeMetrics(registry),
    `# TYPE istio_requests_total counter
istio_requests_total{reporter="source",code="200"} 7
istio_requests_total{reporter="source",code="503"} 1
# TYPE z_total counter
z_total{} 3
# TYPE istio_build gauge
istio_build{component="proxy",tag="1.31.0"} 1
# TYPE a_empty_labels histogram
a_empty_labels_bucket{le="0.5"} 1
a_empty_labels_bucket{le="1"} 1
a_empty_labels_bucket{le="5"} 1
a_empty_labels_bucket{le="10"} 1
a_empty_labels_bucket{le="25"} 1
a_empty_labels_bucket{le="50"} 1
a_empty_labels_bucket{le="100"} 1
a_empty_labels_bucket{le="250"} 1
a_empty_labels_bucket{le="500"} 1
a_empty_labels_bucket{le="1000"} 1
a_empty_labels_bucket{le="2500"} 1
a_empty_labels_bucket{le="5000"} 1
a_empty_labels_bucket{le="10000"} 1
a_empty_labels_bucket{le="30000"} 1
a_empty_labels_bucket{le="60000"} 1
a_empty_labels_bucket{le="300000"} 1
a_empty_labels_bucket{le="600000"} 1
a_empty_labels_bucket{le="1800000"} 1
a_empty_labels_bucket{le="3600000"} 1
a_empty_labels_bucket{le="+Inf"} 1
a_empty_labels_sum{} 0.5
a_empty_labels_count{} 1
# TYPE istio_request_bytes histogram
istio_request_bytes_bucket{reporter="source",le="0.5"} 1
istio_request_bytes_bucket{reporter="source",le="1"} 3
istio_request_bytes_bucket{reporter="source",le="5"} 3
istio_request_bytes_bucket{reporter="source",le="10"} 3
istio_request_bytes_bucket{reporter="source",le="25"} 3
istio_request_bytes_bucket{reporter="source",le="50"} 3
istio_request_bytes_bucket{reporter="source",le="100"} 3
istio_request_bytes_bucket{reporter="source",le="250"} 3
istio_request_bytes_bucket{reporter="source",le="500"} 4
istio_request_bytes_bucket{reporter="source",le="1000"} 4
istio_request_bytes_bucket{reporter="source",le="2500"} 4
istio_request_bytes_bucket{reporter="source",le="5000"} 4
istio_request_bytes_bucket{reporter="source",le="10000"} 4
istio_request_bytes_bucket{reporter="source",le="30000"} 4
istio_request_bytes_bucket{reporter="source",le="60000"} 4
istio_request_bytes_bucket{reporter="source",le="300000"} 4
istio_request_bytes_bucket{reporter="source",le="600000"} 4
istio_request_bytes_bucket{reporter="source",le="1800000"} 4
istio_request_bytes_bucket{reporter="source",le="3600000"} 4
istio_request_bytes_bucket{reporter="source",le="+Inf"} 5
istio_request_bytes_sum{reporter="source"} 4000402
istio_request_bytes_count{reporter="source"} 5
`,
  );
});
