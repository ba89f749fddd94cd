import { systemClock } from "../../lib/internal/clock.ts";
import type { LoadBalancing } from "../../lib/resource/load_balancing.ts";
import { ClusterBalancer } from "../../lib/upstream/cluster_balancer.ts";
import { UpstreamAttempt } from "../../lib/upstream/upstream_attempt.ts";
import { UpstreamHost } from "../../lib/upstream/host.ts";
import type { ClusterLoadAssignment, Endpoint } from "../../lib/resource/endpoint.ts";
import { cluster, endpoint, loadBalancing } from "../support/resource_objects.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { absoluteCell, type Cell } from "./cell.ts";

const ENDPOINTS = 10_000;
const PICKS = 200_000;
const ROUNDS = 7;
/** Nanoseconds a choice among 10,000 endpoints may take. */
const PICK_BAR = 1000;
/** Milliseconds from a change of one of 10,000 endpoints to the next choice. */
const CHANGE_BAR = 60;

const KINDS: Readonly<Record<string, { settings: Partial<LoadBalancing>; weighted?: boolean }>> = {
  "least request": { settings: { policy: "least_request" } },
  "least request, weights": { settings: { policy: "least_request" }, weighted: true },
  "round robin": { settings: { policy: "round_robin" } },
  "round robin, weights": { settings: { policy: "round_robin" }, weighted: true },
  "random": { settings: { policy: "random" } },
  "ring hash": { settings: { policy: "ring_hash" } },
  "ring hash, weights": { settings: { policy: "ring_hash" }, weighted: true },
  "maglev": { settings: { policy: "maglev" } },
};

/** Choices among 10,000 endpoints, and what a change of one of them costs until the next choice. */
export function balancerBench(log: (line: string) => void): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const [kind, { settings, weighted = false }] of Object.entries(KINDS)) {
    log(`balancer: ${kind}`);
    const facts = { name: "balancer", cell: `${kind}, ${ENDPOINTS} endpoints` };
    const rig = makeRig(settings, weighted);
    rig.pick();
    const picks = Array.from({ length: ROUNDS }, () => rig.picks());
    const changes = Array.from({ length: ROUNDS }, () => rig.change());
    cells.push(absoluteCell({ ...facts, measure: "pick", unit: "ns" }, picks, PICK_BAR));
    cells.push(absoluteCell({ ...facts, measure: "change and pick", unit: "ms" }, changes, CHANGE_BAR));
  }
  return Promise.resolve(cells);
}

function makeRig(settings: Partial<LoadBalancing>, weighted: boolean) {
  const endpoints: Endpoint[] = Array.from(
    { length: ENDPOINTS },
    (_, i) => endpoint(`10.0.${i >> 8}.${i & 255}`, 8080, { weight: weighted ? 1 + i % 5 : 1 }),
  );
  const hosts = new Map(endpoints.map((each) => [each.key, new UpstreamHost(each, { kind: "plaintext" }, each.key)]));
  const random = seededRandom(1);
  const balancer = new ClusterBalancer({
    cluster: cluster({ loadBalancing: loadBalancing(settings) }),
    host: (key) => hosts.get(key),
    active: () => 0,
    clock: systemClock,
    random,
  });
  const assign = (of: readonly Endpoint[]): ClusterLoadAssignment => ({
    clusterName: "backend",
    localities: [{ region: "r", zone: "z", subZone: "", priority: 0, weight: 1, endpoints: of }],
    overprovisioningFactor: 140,
  });
  balancer.setEndpoints(assign(endpoints));
  // As many as there are different keys in flight; made outside of what is measured.
  const attempts = Array.from({ length: 1024 }, () => {
    const hash = { hi: Math.floor(random() * 2 ** 32), lo: Math.floor(random() * 2 ** 32) };
    return new UpstreamAttempt({ hash });
  });
  let turn = 0;
  return {
    pick: () => balancer.pick(attempts[0]!),
    picks() {
      const started = performance.now();
      for (let i = 0; i < PICKS; i++) {
        const host = balancer.pick(attempts[i & 1023]!)!;
        // Hosts have work to compare.
        host.active = (host.active + 1) & 3;
      }
      return (performance.now() - started) * 1e6 / PICKS;
    },
    change() {
      const left = endpoints.filter((_, index) => index !== turn);
      turn++;
      const started = performance.now();
      balancer.setEndpoints(assign(left));
      balancer.pick(attempts[0]!);
      return performance.now() - started;
    },
  };
}
