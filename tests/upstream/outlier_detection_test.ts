import assert from "node:assert/strict";
import type { OutlierDetection } from "../../lib/resource/cluster.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { UpstreamHost } from "../../lib/upstream/host.ts";
import { OutlierDetector } from "../../lib/upstream/outlier_detection.ts";
import { endpoint } from "../support/resource_objects.ts";

const DEFAULTS: OutlierDetection = {
  consecutive5xx: 3,
  consecutiveGatewayFailure: 0,
  consecutiveLocalOriginFailure: 2,
  intervalMs: 1000,
  baseEjectionTimeMs: 3000,
  maxEjectionTimeMs: 300_000,
  maxEjectionPercent: 50,
  enforcingConsecutive5xx: 100,
  enforcingConsecutiveGatewayFailure: 100,
  enforcingConsecutiveLocalOriginFailure: 100,
  enforcingSuccessRate: 0,
  enforcingFailurePercentage: 0,
  splitExternalLocalOriginErrors: false,
};

function rig(settings: Partial<OutlierDetection> = {}, count = 4) {
  const clock = new FakeClock();
  const hosts = Array.from({ length: count }, (_, i) => {
    const of = endpoint(`10.0.0.${i}`, 80);
    return new UpstreamHost(of, { kind: "plaintext" }, of.key);
  });
  let changes = 0;
  const detector = new OutlierDetector({ ...DEFAULTS, ...settings }, {
    clock,
    random: () => 0.5,
    hosts: () => hosts,
    onChange: () => changes++,
  });
  return { clock, hosts, detector, changes: () => changes };
}

Deno.test("Consecutive 5xx eject a host; a success in between starts the count anew", () => {
  const { hosts, detector, changes } = rig();
  const host = hosts[0]!;
  for (const status of [500, 500, 200, 500, 500]) detector.onResponse(host, status);
  assert.equal(host.ejected, false);
  detector.onResponse(host, 500);
  assert.equal(host.ejected, true);
  assert.equal(host.health, "unhealthy");
  assert.equal(changes(), 1);
  detector.stop();
});

Deno.test("Gateway failures have their own count", () => {
  const { hosts, detector } = rig({ consecutive5xx: 0, consecutiveGatewayFailure: 2 });
  const host = hosts[0]!;
  for (const status of [503, 500, 502]) detector.onResponse(host, status);
  assert.equal(host.ejected, false);
  detector.onResponse(host, 504);
  assert.equal(host.ejected, true);
  detector.stop();
});

Deno.test("Local failures count as 5xx, or on their own when split", () => {
  const together = rig();
  for (let i = 0; i < 3; i++) together.detector.onFailure(together.hosts[0]!);
  assert.equal(together.hosts[0]!.ejected, true);
  together.detector.stop();
  const split = rig({ splitExternalLocalOriginErrors: true });
  for (let i = 0; i < 2; i++) split.detector.onFailure(split.hosts[0]!);
  assert.equal(split.hosts[0]!.ejected, true);
  split.detector.stop();
});

Deno.test("No more than the limit is out, but one always may be", () => {
  const { hosts, detector } = rig();
  for (const host of hosts) for (let i = 0; i < 3; i++) detector.onResponse(host, 500);
  assert.deepEqual(hosts.map(({ ejected }) => ejected), [true, true, false, false]);
  detector.stop();
  const alone = rig({ maxEjectionPercent: 0 }, 1);
  for (let i = 0; i < 3; i++) alone.detector.onResponse(alone.hosts[0]!, 500);
  assert.equal(alone.hosts[0]!.ejected, true);
  alone.detector.stop();
});

Deno.test("A host returns after its time, which grows with each ejection, and no timer remains", async () => {
  const { clock, hosts, detector } = rig();
  const host = hosts[0]!;
  const fail = () => {
    for (let i = 0; i < 3; i++) detector.onResponse(host, 500);
  };
  fail();
  await clock.advance(2900);
  assert.equal(host.ejected, true);
  await clock.advance(200);
  assert.equal(host.ejected, false);
  fail();
  await clock.advance(5500);
  assert.equal(host.ejected, true, "the second time takes twice as long");
  await clock.advance(1500);
  assert.equal(host.ejected, false);
  await clock.advance(10_000);
  assert.equal(clock.pendingTimers, 0);
  detector.stop();
});

Deno.test("Enforcing 0 percent only watches", () => {
  const { hosts, detector } = rig({ enforcingConsecutive5xx: 0 });
  for (let i = 0; i < 9; i++) detector.onResponse(hosts[0]!, 500);
  assert.equal(hosts[0]!.ejected, false);
  detector.stop();
});
