/** What holds for every policy, whatever the number of endpoints: one suite, run by all. */
import assert from "node:assert/strict";
import type { Hash64 } from "../../lib/internal/xx_hash64.ts";
import { createLoadBalancer } from "../../lib/load_balancer/create.ts";
import type { Host } from "../../lib/load_balancer/host.ts";
import { HostSet, type LocalityHosts } from "../../lib/load_balancer/host_set.ts";
import type { PickContext } from "../../lib/load_balancer/load_balancer.ts";
import type { LoadBalancing } from "../../lib/resource/load_balancing.ts";
import { loadBalancing } from "../support/resource_objects.ts";
import { seededRandom } from "../support/seeded_random.ts";

interface TestHost extends Host {
  active: number;
}

const POLICIES = ["least_request", "round_robin", "random", "ring_hash", "maglev"] as const;
const SIZES = [1, 3, 7, 200, 10_000];

function host(index: number, overrides: Partial<Host> = {}): TestHost {
  const key = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:8080`;
  return { key, hashKey: key, weight: 1, active: 0, health: "healthy", ...overrides };
}

function set(localities: readonly LocalityHosts<TestHost>[], panicThreshold = 0): HostSet<TestHost> {
  return new HostSet(localities, { overprovisioningFactor: 140, panicThreshold });
}

function flat(hosts: readonly TestHost[]): LocalityHosts<TestHost>[] {
  return [{ priority: 0, weight: null, hosts }];
}

function context(hash: Hash64 | null = null, excluded: readonly Host[] | null = null): PickContext {
  return { hash, excluded, maxReselections: 20, destination: null };
}

function settings(policy: LoadBalancing["policy"]): LoadBalancing {
  // A smaller table where 10,000 hosts still fit: building one of 65537 entries is Maglev's business, not this suite's.
  return loadBalancing({ policy, ringMinimumSize: 20_000 });
}

for (const policy of POLICIES) {
  for (const size of SIZES) {
    Deno.test(`${policy}, ${size} endpoints: picks only what is there, and reaches it in fair shares`, () => {
      const random = seededRandom(size);
      const hosts = Array.from({ length: size }, (_, i) => host(i));
      const balancer = createLoadBalancer(settings(policy), set(flat(hosts)), random);
      const picks = size > 200 ? 30_000 : Math.max(4000, size * 200);
      const counts = new Map<TestHost, number>();
      for (let i = 0; i < picks; i++) {
        const picked = balancer.pick(context())!;
        counts.set(picked, (counts.get(picked) ?? 0) + 1);
      }
      for (const picked of counts.keys()) assert.ok(hosts.includes(picked));
      if (size > 200) return;
      for (const each of hosts) {
        const share = (counts.get(each) ?? 0) / (picks / size);
        // The ring is uneven by nature; the others vary as chance does.
        const slack = policy === "ring_hash" ? 0.9 : size === 200 ? 0.4 : 0.2;
        assert.ok(Math.abs(share - 1) <= slack, `'${each.key}' got ${share} of its share`);
      }
    });
  }

  Deno.test(`${policy}: no hosts, no choice`, () => {
    const balancer = createLoadBalancer<TestHost>(settings(policy), set([]), seededRandom(1));
    assert.equal(balancer.pick(context()), null);
  });

  Deno.test(`${policy}: an unhealthy host is never picked, and panic ignores health`, () => {
    const hosts = [host(0), host(1, { health: "unhealthy" }), host(2, { health: "unhealthy" }), host(3)];
    const calm = createLoadBalancer(settings(policy), set(flat(hosts)), seededRandom(2));
    const seen = new Set<TestHost>();
    for (let i = 0; i < 400; i++) seen.add(calm.pick(context())!);
    assert.deepEqual([...seen].map(({ key }) => key).sort(), [hosts[0]!.key, hosts[3]!.key]);
    const panic = createLoadBalancer(settings(policy), set(flat(hosts), 80), seededRandom(2));
    for (let i = 0; i < 400; i++) seen.add(panic.pick(context())!);
    assert.equal(seen.size, 4);
  });

  Deno.test(`${policy}: with nothing healthy and no panic there is no choice`, () => {
    const hosts = [host(0, { health: "unhealthy" })];
    assert.equal(createLoadBalancer(settings(policy), set(flat(hosts)), seededRandom(3)).pick(context()), null);
  });

  Deno.test(`${policy}: hosts tried before are avoided`, () => {
    const hosts = [host(0), host(1), host(2)];
    const balancer = createLoadBalancer(settings(policy), set(flat(hosts)), seededRandom(4));
    let hits = 0;
    for (let i = 0; i < 300; i++) {
      const hash = { hi: (i * 2654435761) >>> 0, lo: (i * 40503) >>> 0 };
      if (balancer.pick(context(hash, [hosts[0]!, hosts[1]!])) !== hosts[2]) hits++;
    }
    // Twenty choices in a row of two tried hosts happen once in three thousand; the ring may cluster a little more.
    assert.ok(hits <= 3, `a tried host was chosen '${hits}' times`);
  });

  Deno.test(`${policy}: a priority spills over to the next when it loses hosts`, () => {
    const first = [host(0), host(1, { health: "unhealthy" })];
    const second = [host(2)];
    const hosts = set([{ priority: 0, weight: null, hosts: first }, { priority: 1, weight: null, hosts: second }]);
    const balancer = createLoadBalancer(settings(policy), hosts, seededRandom(5));
    let spilled = 0;
    for (let i = 0; i < 10_000; i++) if (balancer.pick(context()) === second[0]) spilled++;
    // 140 % of one half is 70 %: the rest goes on.
    assert.ok(Math.abs(spilled / 10_000 - 0.3) < 0.03, `'${spilled}' of 10000 spilled over`);
  });

  Deno.test(`${policy}: localities share by weight`, () => {
    const near = [host(0), host(1)];
    const far = [host(2), host(3)];
    const hosts = set([{ priority: 0, weight: 3, hosts: near }, { priority: 0, weight: 1, hosts: far }]);
    const balancer = createLoadBalancer({ ...settings(policy), localityWeighted: true }, hosts, seededRandom(6));
    let remote = 0;
    for (let i = 0; i < 10_000; i++) if (far.includes(balancer.pick(context())!)) remote++;
    assert.ok(Math.abs(remote / 10_000 - 0.25) < 0.03, `'${remote}' of 10000 went far`);
  });
}
