import assert from "node:assert/strict";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import type { ClusterLoadAssignment, Endpoint } from "../../lib/resource/endpoint.ts";
import type { LoadBalancing } from "../../lib/resource/load_balancing.ts";
import { ClusterBalancer } from "../../lib/upstream/cluster_balancer.ts";
import { UpstreamAttempt } from "../../lib/upstream/upstream_attempt.ts";
import { UpstreamHost } from "../../lib/upstream/host.ts";
import { localityName, type ZoneFacts } from "../../lib/upstream/zone_facts.ts";
import { cluster, endpoint, loadAssignment, loadBalancing, locality } from "../support/resource_objects.ts";
import { seededRandom } from "../support/seeded_random.ts";

const HASH = { hi: 0x12345678, lo: 0x9abcdef0 };

class Rig {
  readonly clock = new FakeClock();
  readonly hosts = new Map<string, UpstreamHost>();
  /** Hosts looked at so far: a balancer that is built looks at all of them. */
  looked = 0;
  readonly balancer: ClusterBalancer;

  constructor(settings: Partial<LoadBalancing>, zones?: ZoneFacts) {
    this.balancer = new ClusterBalancer({
      cluster: cluster({ loadBalancing: loadBalancing(settings) }),
      host: (key) => {
        this.looked++;
        return this.hosts.get(key);
      },
      active: () => 0,
      clock: this.clock,
      random: seededRandom(1),
      ...(zones === undefined ? {} : { zones }),
    });
  }

  set(endpoints: readonly Endpoint[], of: Partial<ClusterLoadAssignment> = {}): void {
    for (const each of endpoints) {
      const known = this.hosts.get(each.key);
      if (known === undefined) this.hosts.set(each.key, new UpstreamHost(each, { kind: "plaintext" }, each.key));
      else known.update(each, known.transport);
    }
    this.balancer.setEndpoints({ ...loadAssignment([locality(endpoints)]), ...of });
  }

  pick(options: ConstructorParameters<typeof UpstreamAttempt>[0] = {}): string | null {
    return this.balancer.pick(new UpstreamAttempt(options))?.key ?? null;
  }
}

function three(): Endpoint[] {
  return [1, 2, 3].map((i) => endpoint(`10.0.0.${i}`, 80));
}

Deno.test("A balancer is built when it is asked, once for all changes before", () => {
  const rig = new Rig({ policy: "ring_hash" });
  for (let i = 0; i < 5; i++) rig.set(three());
  const looked = rig.looked;
  rig.pick({ hash: HASH });
  assert.equal(rig.looked - looked, 3);
  rig.pick({ hash: HASH });
  assert.equal(rig.looked - looked, 3);
  rig.balancer.healthChanged();
  rig.balancer.healthChanged();
  assert.equal(rig.looked - looked, 3);
  rig.pick({ hash: HASH });
  assert.equal(rig.looked - looked, 6);
});

Deno.test("Without endpoints there is no choice", () => {
  assert.equal(new Rig({}).pick(), null);
});

Deno.test("What is hashed follows the endpoint's metadata, and its host name where the cluster says so", () => {
  const rig = new Rig({ policy: "maglev", useHostnameForHashing: true });
  rig.set([
    endpoint("10.0.0.1", 80),
    endpoint("10.0.0.2", 80, { hostname: "b.test" }),
    endpoint("10.0.0.3", 80, { hostname: "c.test", metadata: { "envoy.lb": { hash_key: "pod-3" } } }),
  ]);
  assert.deepEqual([...rig.hosts.values()].map(({ hashKey }) => hashKey), ["10.0.0.1:80", "b.test", "pod-3"]);
  const hashes = Array.from({ length: 200 }, (_, i) => ({ hi: i * 7919, lo: i * 104_729 }));
  const before = hashes.map((hash) => rig.pick({ hash }));
  rig.set([endpoint("10.0.0.1", 80, { metadata: { "envoy.lb": { hash_key: "pod-1" } } }), ...three().slice(1)]);
  assert.notDeepEqual(hashes.map((hash) => rig.pick({ hash })), before);
});

Deno.test("An ejected host is out, and a session may name one only where its health allows", () => {
  const rig = new Rig({ policy: "round_robin" });
  rig.set([endpoint("10.0.0.1", 80, { health: "draining" }), endpoint("10.0.0.2", 80), endpoint("10.0.0.3", 80)]);
  rig.hosts.get("10.0.0.3:80")!.ejected = true;
  rig.balancer.healthChanged();
  assert.deepEqual(new Set(Array.from({ length: 5 }, () => rig.pick())), new Set(["10.0.0.2:80"]));
  const named = (address: string, strict: boolean) => rig.pick({ override: { address, strict } });
  assert.equal(named("10.0.0.2:80", true), "10.0.0.2:80");
  assert.equal(named("10.0.0.1:80", false), "10.0.0.2:80");
  assert.equal(named("10.0.0.3:80", true), null);
});

Deno.test("Slow start begins when a host is first seen healthy, not when it is first asked for", async () => {
  const rig = new Rig({ policy: "round_robin", slowStartWindowMs: 10_000 });
  rig.set(three().slice(0, 1));
  await rig.clock.advance(9_000);
  rig.set([...three().slice(0, 2), endpoint("10.0.0.3", 80, { health: "unhealthy" })]);
  const since = () => three().map(({ key }) => rig.hosts.get(key)!.healthySince);
  const start = rig.clock.monotonic() - 9_000;
  assert.deepEqual(since(), [start, start + 9_000, null]);
  await rig.clock.advance(2_000);
  rig.set(three());
  assert.deepEqual(since(), [start, start + 9_000, start + 11_000]);
  const counts = new Map<string | null, number>();
  for (let i = 0; i < 1300; i++) {
    const key = rig.pick();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  // One is through, one has a fifth of its share, one a tenth.
  assert.deepEqual(three().map(({ key }) => Math.round(counts.get(key)! / 100)), [10, 2, 1]);
});

Deno.test("Slow start is not stamped where it is not used", () => {
  const rig = new Rig({});
  rig.set(three());
  assert.equal(rig.hosts.get("10.0.0.1:80")!.healthySince, null);
});

Deno.test("Requests stay in the zone of a caller whose own cluster is known", () => {
  const place = (zone: string, endpoints: readonly Endpoint[]) => locality(endpoints, { region: "r", zone });
  const hosts = Array.from({ length: 8 }, (_, i) => endpoint(`10.0.0.${i}`, 80));
  const localities = [place("far", hosts.slice(4)), place("near", hosts.slice(0, 4))];
  let callers: ClusterLoadAssignment | null = null;
  const rig = new Rig({ policy: "random" }, {
    own: localityName({ region: "r", zone: "near", subZone: "" }),
    callers: () => callers,
  });
  rig.set(hosts, { localities });
  const far = () => Array.from({ length: 200 }, () => rig.pick()).some((key) => key! >= "10.0.0.4");
  assert.equal(far(), true);
  callers = loadAssignment([place("near", [hosts[0]!]), place("far", [hosts[1]!])], "callers");
  rig.balancer.healthChanged();
  assert.equal(far(), false);
});
