import assert from "node:assert/strict";
import { MetricType, Status } from "../../../lib/proxy_wasm/abi.ts";
import { exposeMetrics } from "../../../lib/telemetry/exposition.ts";
import { OUT, WasmProbe } from "../../support/wasm_probe.ts";

const define = (probe: WasmProbe, type: number, name: string) => probe.ok("proxy_define_metric", type, name, OUT);
const increment = (probe: WasmProbe, id: number, by: bigint) => probe.call("proxy_increment_metric", id, by).status;
const record = (probe: WasmProbe, id: number, value: bigint) => probe.call("proxy_record_metric", id, value).status;

function get(probe: WasmProbe, id: number): bigint | number {
  return probe.inside(() => {
    const { status, outs } = probe.call("proxy_get_metric", id, OUT);
    if (status !== 0) return status;
    // The out-pointer of the probe is the first of its place for them.
    return probe.vm.memory.readU64(512)! + BigInt(outs.length - 1);
  });
}

Deno.test("metrics: numbers say their kind; counters grow, gauges go both ways, histograms take values", () => {
  const probe = new WasmProbe();
  const [counter, gauge, histogram] = [0, 1, 2].map((type) => define(probe, type, `m${type}`)) as [
    number,
    number,
    number,
  ];
  assert.deepEqual([counter, gauge, histogram], [4, 5, 6]);
  assert.equal(define(probe, MetricType.COUNTER, "m0"), 8);
  assert.equal(increment(probe, counter, 3n), Status.OK);
  assert.equal(increment(probe, counter, 0n), Status.BAD_ARGUMENT);
  assert.equal(increment(probe, counter, -1n), Status.BAD_ARGUMENT);
  assert.equal(record(probe, counter, 4n), Status.OK);
  assert.equal(get(probe, counter), 7n);
  // The same metric under another number.
  assert.equal(get(probe, 8), 7n);
  assert.equal(increment(probe, gauge, 5n), Status.OK);
  assert.equal(increment(probe, gauge, -2n), Status.OK);
  assert.equal(get(probe, gauge), 3n);
  assert.equal(record(probe, gauge, 100n), Status.OK);
  assert.equal(get(probe, gauge), 100n);
  assert.equal(record(probe, histogram, 30n), Status.OK);
  assert.equal(increment(probe, histogram, 1n), Status.BAD_ARGUMENT);
  assert.equal(get(probe, histogram), Status.BAD_ARGUMENT);
  for (const unknown of [400, 401]) {
    assert.equal(increment(probe, unknown, 1n), Status.NOT_FOUND);
    assert.equal(get(probe, unknown), Status.NOT_FOUND);
    assert.equal(record(probe, unknown, 1n), Status.NOT_FOUND);
  }
  assert.equal(record(probe, 402, 1n), Status.NOT_FOUND);
  assert.equal(probe.call("proxy_define_metric", 3, "x", OUT).status, Status.BAD_ARGUMENT);
  assert.equal(probe.call("proxy_define_metric", 0, -1, 8, OUT).status, Status.INVALID_MEMORY_ACCESS);
  assert.equal(probe.call("proxy_define_metric", 0, "x", -1).status, Status.INVALID_MEMORY_ACCESS);
  assert.equal(probe.call("proxy_get_metric", counter, -1).status, Status.INVALID_MEMORY_ACCESS);
});

Deno.test("metrics show in Prometheus' format under their own names, with Istio's tags", () => {
  const probe = new WasmProbe();
  const { metrics } = probe.environment;
  increment(probe, define(probe, 0, "reporter=.=source;.;app=.=caf\xc3\xa9;.;my.requests"), 2n);
  increment(probe, define(probe, 0, "reporter=.=destination;.;my.requests"), 1n);
  record(probe, define(probe, 1, "my.size"), 7n);
  record(probe, define(probe, 2, "my.time"), 20n);
  const text = exposeMetrics(metrics);
  assert.match(text, /^# TYPE my_requests counter\nmy_requests\{reporter="destination"\} 1\n/);
  assert.match(text, /^my_requests\{reporter="source",app="café"\} 2$/m);
  assert.match(text, /^# TYPE my_size gauge\nmy_size\{\} 7$/m);
  assert.match(text, /^my_time_bucket\{le="25"\} 1$/m);
  assert.match(text, /^my_time_sum\{\} 20$/m);
  // Another VM goes on counting, and so does one that comes later.
  probe.vm.close();
  increment(new WasmProbe(probe.environment), 4, 1n);
  const next = new WasmProbe(probe.environment);
  increment(next, define(next, 0, "reporter=.=destination;.;my.requests"), 1n);
  assert.match(exposeMetrics(metrics), /^my_requests\{reporter="destination"\} 2$/m);
});

Deno.test("a metric whose name is taken by another kind, or is none, counts and is not shown", () => {
  const probe = new WasmProbe();
  const { environment } = probe;
  environment.metrics.counter("istio_requests_total").with([]).add(5);
  const gauge = define(probe, 1, "istio_requests_total");
  record(probe, gauge, 1n);
  assert.equal(get(probe, gauge), 1n);
  const odd = define(probe, 0, "1");
  increment(probe, odd, 1n);
  assert.equal(get(probe, odd), 1n);
  record(probe, define(probe, 2, "istio_requests_total"), 1n);
  assert.equal(exposeMetrics(environment.metrics), "# TYPE istio_requests_total counter\nistio_requests_total{} 5\n");
  assert.equal(environment.lines.filter((line) => line.startsWith("warning Cannot show metric")).length, 3);
});

Deno.test("metrics: there is an end to how many a module defines, and to the length of a name", () => {
  const probe = new WasmProbe();
  assert.equal(probe.call("proxy_define_metric", 0, "x".repeat(5000), OUT).status, Status.INTERNAL_FAILURE);
  let count = 0;
  probe.inside(() => {
    while (probe.call("proxy_define_metric", 0, "x", OUT).status === Status.OK) count++;
  });
  assert.equal(count, 10_000);
});
