import assert from "node:assert/strict";
import fc from "fast-check";
import type { OutlierDetection } from "../../lib/resource/cluster.ts";
import { exposeMetrics } from "../../lib/telemetry/exposition.ts";
import { MetricRegistry } from "../../lib/telemetry/metric_registry.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { ClusterMetrics } from "../../lib/upstream/cluster_metrics.ts";
import { UpstreamHost } from "../../lib/upstream/host.ts";
import { OutlierDetector } from "../../lib/upstream/outlier_detection.ts";
import { endpoint, outlierDetection } from "../support/resource_objects.ts";

const SETTINGS: Partial<OutlierDetection> = {
  consecutive5xx: 3,
  consecutiveGatewayFailure: 0,
  consecutiveLocalOriginFailure: 2,
  intervalMs: 1000,
  baseEjectionTimeMs: 3000,
  maxEjectionPercent: 50,
  enforcingConsecutiveGatewayFailure: 100,
};

/** Answers and failures of one host, as short as they can be written. */
type Event = number | "connect" | "reset" | "timeout";

function rig(settings: Partial<OutlierDetection> = {}, count = 4, random = () => 0.5) {
  const clock = new FakeClock();
  const hosts = Array.from({ length: count }, (_, i) => {
    const of = endpoint(`10.0.0.${i}`, 80);
    return new UpstreamHost(of, { kind: "plaintext" }, of.key);
  });
  const state = { changes: 0 };
  const registry = new MetricRegistry();
  const log: string[] = [];
  const detector = new OutlierDetector(outlierDetection({ ...SETTINGS, ...settings }), {
    clock,
    random,
    logger: { log: (level, message, fields) => void log.push(`${level} ${fields?.["endpoint"]} ${message}`) },
    metrics: new ClusterMetrics(registry, "backend", "outlier_detection"),
    clusterName: "backend",
    onChange: () => state.changes++,
  });
  for (const host of hosts) detector.add(host);
  const feed = (index: number, ...events: Event[]) => {
    const host = hosts[index]!;
    for (const event of events) {
      if (typeof event === "number") detector.onResponse(host, event);
      else detector.onFailure(host, event === "timeout" ? 504 : 503, event !== "connect");
    }
  };
  const out = () => hosts.map(({ ejected }, i) => ejected ? i : -1).filter((i) => i >= 0);
  const metric = (name: string) => {
    const line = exposeMetrics(registry).split("\n")
      .find((text) => text.startsWith(`envoy_cluster_outlier_detection_${name}{envoy_cluster_name="backend"}`));
    return Number(line?.split(" ").at(-1) ?? 0);
  };
  return { clock, hosts, detector, feed, out, metric, log, state };
}

const CONSECUTIVE: readonly {
  readonly what: string;
  readonly settings?: Partial<OutlierDetection>;
  readonly events: readonly Event[];
  readonly ejected: boolean;
}[] = [
  { what: "as many 5xx as the threshold", events: [500, 501, 599], ejected: true },
  { what: "one fewer", events: [500, 500], ejected: false },
  { what: "a success in between", events: [500, 500, 404, 500, 500], ejected: false },
  { what: "statuses that are no 5xx", events: [499, 600, 0, 404], ejected: false },
  { what: "a threshold of 0", settings: { consecutive5xx: 0 }, events: Array(50).fill(500), ejected: false },
  { what: "nothing enforced", settings: { enforcingConsecutive5xx: 0 }, events: Array(50).fill(500), ejected: false },
  { what: "connect failures without a split", events: ["connect", "connect", "connect"], ejected: true },
  { what: "resets and time-outs without a split", events: ["reset", "timeout", 500], ejected: true },
  {
    what: "gateway failures",
    settings: { consecutive5xx: 0, consecutiveGatewayFailure: 3 },
    events: [502, 503, 504],
    ejected: true,
  },
  {
    what: "a 500 among gateway failures",
    settings: { consecutive5xx: 0, consecutiveGatewayFailure: 3 },
    events: [502, 503, 500, 504, 502],
    ejected: false,
  },
  {
    what: "time-outs and connect failures as gateway failures",
    settings: { consecutive5xx: 0, consecutiveGatewayFailure: 3 },
    events: ["timeout", "connect", "reset"],
    ejected: true,
  },
  {
    what: "local failures in a split",
    settings: { splitExternalLocalOriginErrors: true },
    events: ["connect", "connect"],
    ejected: true,
  },
  {
    what: "local failures in a split that do not count as 5xx",
    settings: { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailure: 0 },
    events: Array(20).fill("connect"),
    ejected: false,
  },
  {
    what: "an answer between local failures, whatever it says",
    settings: { splitExternalLocalOriginErrors: true },
    events: ["connect", 500, "connect", 500],
    ejected: false,
  },
  {
    what: "resets in a split: each had a connection, which is a success",
    settings: { splitExternalLocalOriginErrors: true },
    events: Array(20).fill("reset"),
    ejected: false,
  },
];

for (const { what, settings, events, ejected } of CONSECUTIVE) {
  Deno.test(`Consecutive failures: ${what}`, () => {
    const { detector, feed, hosts, state } = rig(settings);
    feed(0, ...events);
    assert.equal(hosts[0]!.ejected, ejected);
    assert.equal(hosts[0]!.health, ejected ? "unhealthy" : "healthy");
    assert.equal(state.changes, ejected ? 1 : 0);
    detector.stop();
  });
}

const LIMITS: readonly { hosts: number; percent: number; one?: boolean; out: number }[] = [
  { hosts: 4, percent: 50, out: 2 },
  { hosts: 3, percent: 10, out: 0 },
  { hosts: 3, percent: 10, one: true, out: 1 },
  { hosts: 10, percent: 10, out: 1 },
  { hosts: 9, percent: 10, out: 0 },
  { hosts: 1, percent: 0, out: 0 },
  { hosts: 1, percent: 0, one: true, out: 1 },
  { hosts: 5, percent: 100, out: 5 },
];

for (const { hosts, percent, one = false, out: expected } of LIMITS) {
  Deno.test(`The limit: ${percent} percent of ${hosts} hosts${one ? ", one always" : ""}`, () => {
    const { detector, feed, out, metric } = rig({ maxEjectionPercent: percent, alwaysEjectOneHost: one }, hosts);
    for (let i = 0; i < hosts; i++) feed(i, 500, 500, 500);
    assert.equal(out().length, expected);
    assert.equal(metric("ejections_active"), expected);
    assert.equal(metric("ejections_enforced_total"), expected);
    assert.equal(metric("ejections_enforced_consecutive_5xx"), expected);
    assert.equal(metric("ejections_detected_consecutive_5xx"), hosts);
    assert.equal(metric("ejections_overflow"), hosts - expected);
    detector.stop();
    assert.equal(metric("ejections_active"), 0, "a cluster that is gone counts no more");
  });
}

Deno.test("A host returns after its time, which grows with each ejection and shrinks, and no timer remains", async () => {
  const { clock, detector, feed, out } = rig();
  const fail = () => feed(0, 500, 500, 500);
  fail();
  await clock.advance(2900);
  assert.deepEqual(out(), [0]);
  await clock.advance(200);
  assert.deepEqual(out(), []);
  fail();
  await clock.advance(5500);
  assert.deepEqual(out(), [0], "the second time takes twice as long");
  await clock.advance(1500);
  assert.deepEqual(out(), []);
  await clock.advance(10_000);
  assert.equal(clock.pendingTimers, 0);
  fail();
  await clock.advance(3100);
  assert.deepEqual(out(), [], "after some intervals in order the first time counts again");
  detector.stop();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("The time out has an end, and jitter is added to it", async () => {
  const { clock, detector, feed, out } = rig({ maxEjectionTimeMs: 4000, maxEjectionTimeJitterMs: 1000 });
  for (const outMs of [3500, 4500, 4500, 4500]) {
    feed(0, 500, 500, 500);
    const ticks = Math.ceil(outMs / 1000) * 1000;
    await clock.advance(ticks - 100);
    assert.deepEqual(out(), [0]);
    await clock.advance(100);
    assert.deepEqual(out(), []);
  }
  detector.stop();
});

Deno.test("Counts begin anew when a host is back", async () => {
  const { clock, detector, feed, out } = rig({ consecutiveGatewayFailure: 2, consecutive5xx: 3 });
  feed(0, 503, 503);
  assert.deepEqual(out(), [0]);
  feed(0, 503);
  await clock.advance(3000);
  assert.deepEqual(out(), []);
  feed(0, 500, 500);
  assert.deepEqual(out(), []);
  feed(0, 500);
  assert.deepEqual(out(), [0]);
  detector.stop();
});

Deno.test("A host that fails while it is out is not detected again", () => {
  const { detector, feed, metric } = rig();
  feed(0, ...Array(30).fill(500));
  assert.equal(metric("ejections_detected_consecutive_5xx"), 1);
  detector.stop();
});

Deno.test("Success rate: hosts far below the others are ejected at the interval", async () => {
  const { clock, detector, feed, out, hosts, metric } = rig({ consecutive5xx: 0, intervalMs: 1000 }, 6);
  const load = (rates: readonly number[]) =>
    rates.forEach((good, i) => feed(i, ...Array(good).fill(200), ...Array(100 - good).fill(500)));
  load([100, 100, 100, 100, 100, 50]);
  assert.deepEqual(out(), []);
  await clock.advance(1000);
  assert.deepEqual(out(), [5]);
  assert.equal(detector.rateOf(hosts[5]!, "external"), 50);
  assert.equal(detector.rateOf(hosts[0]!, "external"), 100);
  assert.equal(detector.rateOf(hosts[0]!, "local"), -1);
  const { average, threshold } = detector.rates("external");
  assert.ok(Math.abs(average - 550 / 6) < 1e-9);
  assert.ok(Math.abs(threshold - (550 / 6 - 1.9 * Math.sqrt((5 * (50 / 6) ** 2 + (250 / 6) ** 2) / 6))) < 1e-9);
  assert.equal(metric("ejections_enforced_success_rate"), 1);
  await clock.advance(1000);
  assert.equal(detector.rateOf(hosts[5]!, "external"), -1, "rates are of the last interval");
  detector.stop();
});

Deno.test("Success rate: too few hosts or requests judge nobody", async () => {
  const { clock, detector, feed, out } = rig({ consecutive5xx: 0 }, 5);
  for (let i = 0; i < 4; i++) feed(i, ...Array(100).fill(200));
  feed(4, ...Array(99).fill(500));
  await clock.advance(1000);
  assert.deepEqual(out(), []);
  detector.stop();
});

Deno.test("Failure percentage: at or above the threshold", async () => {
  const { clock, detector, feed, out, metric } = rig({
    consecutive5xx: 0,
    enforcingSuccessRate: 0,
    enforcingFailurePercentage: 100,
    failurePercentageThreshold: 40,
    failurePercentageMinimumHosts: 3,
    failurePercentageRequestVolume: 10,
  }, 4);
  feed(0, ...Array(6).fill(200), ...Array(4).fill(500));
  feed(1, ...Array(7).fill(200), ...Array(4).fill(500));
  feed(2, ...Array(10).fill(200));
  feed(3, ...Array(9).fill(500));
  await clock.advance(1000);
  assert.deepEqual(out(), [0], "36 percent are not enough, nor are 9 requests");
  assert.equal(metric("ejections_enforced_failure_percentage"), 1);
  detector.stop();
});

Deno.test("Local failures have rates of their own in a split", async () => {
  const { clock, detector, feed, out, hosts, metric } = rig({
    consecutive5xx: 0,
    consecutiveLocalOriginFailure: 0,
    splitExternalLocalOriginErrors: true,
    enforcingFailurePercentageLocalOrigin: 100,
    failurePercentageMinimumHosts: 2,
    failurePercentageRequestVolume: 4,
    failurePercentageThreshold: 50,
  });
  for (const i of [0, 1, 2]) feed(i, 200, 500, 500, 500);
  feed(3, "connect", "connect", 200, "connect");
  await clock.advance(1000);
  assert.deepEqual(out(), [3], "answers of 500 are no local failures");
  assert.equal(detector.rateOf(hosts[0]!, "local"), 100);
  assert.equal(detector.rateOf(hosts[0]!, "external"), 25);
  assert.equal(detector.rateOf(hosts[3]!, "local"), 25);
  assert.equal(metric("ejections_enforced_local_origin_failure_percentage"), 1);
  detector.stop();
});

Deno.test("A success of active health checks puts a host back, unless that is switched off", () => {
  for (const on of [true, false]) {
    const { detector, feed, hosts, out, state } = rig({ successfulActiveHealthCheckUnejectHost: on });
    feed(0, 500, 500, 500);
    detector.onHealthy(hosts[0]!);
    detector.onHealthy(hosts[1]!);
    assert.deepEqual(out(), on ? [] : [0]);
    assert.equal(state.changes, on ? 2 : 1);
    detector.stop();
  }
});

Deno.test("A degraded host pays as an ejected one does, on an account of its own and without a limit", async () => {
  const { clock, detector, hosts, feed, state, metric } = rig({ maxEjectionPercent: 0 });
  const degraded = () => hosts.filter((host) => host.health === "degraded").length;
  for (const host of hosts) detector.onDegraded(host);
  assert.equal(degraded(), 4);
  assert.equal(state.changes, 4);
  assert.deepEqual(hosts[0]!.healthFlags, ["degraded_outlier_detection"]);
  await clock.advance(2000);
  detector.onDegraded(hosts[0]!);
  await clock.advance(1000);
  assert.equal(degraded(), 0, "saying it again does not prolong it");
  detector.onDegraded(hosts[0]!);
  await clock.advance(5000);
  assert.equal(degraded(), 1, "the second time takes twice as long");
  await clock.advance(1000);
  assert.equal(degraded(), 0);
  assert.equal(metric("ejections_detected_degradation"), 5);
  feed(0, 200);
  await clock.advance(10_000);
  assert.equal(clock.pendingTimers, 0);
  detector.stop();
});

Deno.test("Whatever happens, the limit holds, the count is right, and in the end everybody is back", async () => {
  const event = fc.record({
    host: fc.nat({ max: 5 }),
    what: fc.constantFrom<Event>(200, 404, 500, 503, "connect", "reset", "timeout"),
    times: fc.integer({ min: 1, max: 6 }),
    pauseMs: fc.constantFrom(0, 0, 0, 400, 1000, 3000),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 30 }),
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 0, max: 100 }),
      async (events, split, one, percent) => {
        const { clock, detector, feed, out, metric } = rig({
          maxEjectionPercent: percent,
          alwaysEjectOneHost: one,
          splitExternalLocalOriginErrors: split,
          consecutiveGatewayFailure: 2,
          enforcingFailurePercentage: 100,
          failurePercentageRequestVolume: 2,
          failurePercentageMinimumHosts: 1,
        }, 6);
        const limit = Math.max(one ? 1 : 0, Math.floor(6 * percent / 100));
        for (const { host, what, times, pauseMs } of events) {
          feed(host, ...Array<Event>(times).fill(what));
          await clock.advance(pauseMs);
          assert.ok(out().length <= limit);
          assert.equal(metric("ejections_active"), out().length);
        }
        await clock.advance(400_000);
        assert.deepEqual(out(), []);
        assert.equal(clock.pendingTimers, 0);
        detector.stop();
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("A host that leaves makes room, and both ways are logged once", async () => {
  const { clock, detector, feed, hosts, out, metric, log } = rig({ maxEjectionPercent: 25 });
  feed(0, 500, 500, 500);
  feed(1, 500, 500, 500);
  assert.deepEqual(out(), [0]);
  detector.remove(hosts[0]!);
  assert.equal(metric("ejections_active"), 0);
  feed(1, 500, 500, 500);
  assert.equal(hosts[1]!.ejected, false, "one of three is above 25 percent");
  detector.add(hosts[0]!);
  hosts[0]!.ejected = false;
  feed(1, 500, 500, 500);
  assert.equal(hosts[1]!.ejected, true);
  await clock.advance(4000);
  assert.deepEqual(log, [
    "info 10.0.0.0:80 An endpoint fails more than others and is taken out of load balancing",
    "info 10.0.0.1:80 An endpoint fails more than others and is taken out of load balancing",
    "info 10.0.0.1:80 An endpoint is back in load balancing",
  ]);
  detector.stop();
});
