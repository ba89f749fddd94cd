import assert from "node:assert/strict";
import type { HealthCheck } from "../../lib/resource/health_check.ts";
import { checkIntervalMs, type CheckResult, HealthCheckState } from "../../lib/upstream/health_check_state.ts";
import { UpstreamHost } from "../../lib/upstream/host.ts";
import { endpoint, healthCheck } from "../support/resource_objects.ts";

/** Results of checks, as short as they can be written. */
const RESULTS = {
  ok: { healthy: true, degraded: false },
  degraded: { healthy: true, degraded: true },
  bad: { healthy: false, kind: "active", retriable: false, refusesTraffic: false },
  retriable: { healthy: false, kind: "active", retriable: true, refusesTraffic: false },
  network: { healthy: false, kind: "network", retriable: false, refusesTraffic: false },
  timeout: { healthy: false, kind: "timeout", retriable: false, refusesTraffic: false },
  refuses: { healthy: false, kind: "active", retriable: false, refusesTraffic: true },
  passive: { healthy: false, kind: "passive", retriable: false, refusesTraffic: true },
} as const satisfies Record<string, CheckResult>;

type Name = keyof typeof RESULTS;

/** Events of a host that begins as Envoy lets it begin, with what each changes and the flags at the end. */
const TABLE: readonly {
  readonly what: string;
  readonly events: readonly Name[];
  readonly transitions: string;
  readonly flags: readonly string[];
}[] = [
  { what: "nothing yet", events: [], transitions: "", flags: ["failed_active_hc"] },
  { what: "the first success counts at once", events: ["ok"], transitions: "changed", flags: [] },
  { what: "a first failure changes nothing", events: ["bad"], transitions: "unchanged", flags: ["failed_active_hc"] },
  {
    what: "after a failure successes need their threshold",
    events: ["network", "ok", "ok", "ok"],
    transitions: "unchanged pending pending changed",
    flags: [],
  },
  {
    what: "a failure in between starts the successes anew",
    events: ["network", "ok", "ok", "bad", "ok", "ok"],
    transitions: "unchanged pending pending unchanged pending pending",
    flags: ["failed_active_hc"],
  },
  {
    what: "a bad answer decides at once",
    events: ["ok", "bad"],
    transitions: "changed changed",
    flags: ["failed_active_hc"],
  },
  {
    what: "network failures need their threshold",
    events: ["ok", "network", "network"],
    transitions: "changed pending changed",
    flags: ["failed_active_hc"],
  },
  {
    what: "a success in between starts the failures anew",
    events: ["ok", "network", "ok", "network"],
    transitions: "changed pending unchanged pending",
    flags: [],
  },
  {
    what: "retriable answers need the threshold too",
    events: ["ok", "retriable", "retriable"],
    transitions: "changed pending changed",
    flags: ["failed_active_hc"],
  },
  {
    what: "time-outs show once the host has failed",
    events: ["ok", "timeout", "timeout"],
    transitions: "changed pending changed",
    flags: ["failed_active_hc", "active_hc_timeout"],
  },
  {
    what: "and no longer when it fails for another reason",
    events: ["ok", "timeout", "timeout", "network"],
    transitions: "changed pending changed unchanged",
    flags: ["failed_active_hc"],
  },
  { what: "degraded", events: ["degraded"], transitions: "changed", flags: ["degraded_active_hc"] },
  { what: "degraded and not any more", events: ["degraded", "ok"], transitions: "changed changed", flags: [] },
  {
    what: "a host that refuses traffic is excluded until it passes",
    events: ["ok", "refuses"],
    transitions: "changed changed",
    flags: ["failed_active_hc", "excluded_via_immediate_hc_fail"],
  },
  {
    what: "and included again",
    events: ["ok", "passive", "ok", "ok", "ok"],
    transitions: "changed changed pending pending changed",
    flags: [],
  },
];

for (const { what, events, transitions, flags } of TABLE) {
  Deno.test(`Health checks: ${what}`, () => {
    const of = endpoint("10.0.0.1", 80);
    const host = new UpstreamHost(of, { kind: "plaintext" }, of.key);
    host.failedHealthCheck = true;
    const state = new HealthCheckState(healthCheck({ healthyThreshold: 3, unhealthyThreshold: 2 }), host);
    assert.equal(events.map((name) => state.apply(RESULTS[name])).join(" "), transitions);
    assert.deepEqual(host.healthFlags, flags);
    assert.equal(host.excluded, flags.includes("excluded_via_immediate_hc_fail"));
    const unhealthy = flags.includes("failed_active_hc");
    assert.equal(host.health, unhealthy ? "unhealthy" : flags.includes("degraded_active_hc") ? "degraded" : "healthy");
  });
}

const INTERVALS: Partial<HealthCheck> = {
  intervalMs: 1,
  unhealthyIntervalMs: 2,
  unhealthyEdgeIntervalMs: 3,
  healthyEdgeIntervalMs: 4,
  noTrafficIntervalMs: 5,
  noTrafficHealthyIntervalMs: 6,
};

Deno.test("The interval follows from the result, what it changed, and whether there is traffic", () => {
  const check = healthCheck(INTERVALS);
  const interval = (healthy: boolean, transition: "unchanged" | "pending" | "changed", traffic: boolean) =>
    checkIntervalMs(check, healthy, transition, traffic, () => 0.5);
  assert.equal(interval(true, "unchanged", true), 1);
  assert.equal(interval(true, "changed", true), 1);
  assert.equal(interval(true, "pending", true), 4);
  assert.equal(interval(false, "unchanged", true), 2);
  assert.equal(interval(false, "changed", true), 2);
  assert.equal(interval(false, "pending", true), 3);
  assert.equal(interval(true, "unchanged", false), 6);
  assert.equal(interval(true, "pending", false), 5);
  assert.equal(interval(false, "changed", false), 5);
});

Deno.test("Jitter is added in milliseconds and in percent", () => {
  const check = healthCheck({ intervalMs: 1000, intervalJitterMs: 100, intervalJitterPercent: 20 });
  assert.equal(checkIntervalMs(check, true, "unchanged", true, () => 0), 1000);
  assert.equal(checkIntervalMs(check, true, "unchanged", true, () => 0.999), 1000 + 199 + 99);
});

Deno.test("Everyone who has a say in the health of a host", () => {
  const host = (health: "healthy" | "unknown" | "unhealthy" | "timeout" | "draining" | "degraded") => {
    const of = endpoint("10.0.0.1", 80, { health });
    return new UpstreamHost(of, { kind: "plaintext" }, of.key);
  };
  assert.deepEqual([host("healthy").health, host("unknown").health], ["healthy", "healthy"]);
  assert.deepEqual([host("unhealthy").healthFlags, host("unhealthy").health], [["failed_eds_health"], "unhealthy"]);
  assert.deepEqual(host("timeout").healthFlags, ["failed_eds_health"]);
  assert.deepEqual([host("degraded").healthFlags, host("degraded").health], [["degraded_eds_health"], "degraded"]);
  assert.deepEqual([host("draining").healthFlags, host("draining").excluded], [["eds_status_draining"], true]);
  const ejected = host("degraded");
  ejected.ejected = true;
  assert.deepEqual([ejected.healthFlags, ejected.health], [
    ["failed_outlier_check", "degraded_eds_health"],
    "unhealthy",
  ]);
});
