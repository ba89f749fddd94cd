import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { UpstreamAttempt } from "../../lib/upstream/upstream_attempt.ts";
import { cluster, endpoint, loadAssignment, loadBalancing, locality } from "../support/resource_objects.ts";
import { FakeUpstream, request } from "./fake_upstream.ts";

const A = [endpoint("10.0.0.1", 80), endpoint("10.0.0.2", 80)];
const B = [endpoint("10.1.0.1", 80)];
const sick = (endpoints: typeof A) => endpoints.map((one) => ({ ...one, health: "unhealthy" as const }));

function upstream(panic = 0) {
  const fake = new FakeUpstream({
    clusters: [
      cluster({
        name: "all",
        type: "aggregate",
        edsServiceName: null,
        members: ["a", "missing", "b"],
        loadBalancing: loadBalancing({ policy: "cluster_provided", healthyPanicThreshold: panic }),
      }),
      cluster({ name: "a", edsServiceName: "a" }),
      cluster({ name: "b", edsServiceName: "b" }),
    ],
    assignments: [loadAssignment([locality(A)], "a"), loadAssignment([locality(B)], "b")],
  });
  fake.onRequest = (received) => received.answer();
  const share = async () => {
    const counts = { a: 0, b: 0 };
    for (let i = 0; i < 200; i++) {
      const attempt = new UpstreamAttempt();
      await fake.manager.target("all")!.send(request(), attempt);
      counts[attempt.host!.key.startsWith("10.0.") ? "a" : "b"]++;
    }
    return counts;
  };
  return { fake, share };
}

Deno.test("The first cluster serves for as long as it has healthy hosts, then the next takes over, and back", async () => {
  const { fake, share } = upstream();
  assert.deepEqual(await share(), { a: 200, b: 0 });
  fake.push({ assignments: [loadAssignment([locality(sick(A))], "a")] });
  assert.deepEqual(await share(), { a: 0, b: 200 });
  fake.push({ assignments: [loadAssignment([locality([])], "a")] });
  assert.deepEqual(await share(), { a: 0, b: 200 });
  fake.push({ assignments: [loadAssignment([locality(A)], "a")] });
  assert.deepEqual(await share(), { a: 200, b: 0 });
  fake.manager.close();
});

Deno.test("What half of the first cluster cannot take spills over: 70 percent stay, as Envoy overprovisions", async () => {
  const { fake, share } = upstream();
  fake.push({ assignments: [loadAssignment([locality([A[0]!, ...sick([A[1]!])])], "a")] });
  const { a, b } = await share();
  assert.ok(a > 115 && a < 165 && a + b === 200, `${a} stayed`);
  fake.manager.close();
});

Deno.test("Without any endpoint requests fail with UH; a new configuration is followed", async () => {
  const { fake } = upstream();
  fake.push({ assignments: [loadAssignment([locality([])], "a"), loadAssignment([locality([])], "b")] });
  const attempt = new UpstreamAttempt();
  await assert.rejects(
    fake.manager.target("all")!.send(request(), attempt),
    (error) => error instanceof MeshError && error.code === "NO_HEALTHY_UPSTREAM" && /missing, b/.test(error.message),
  );
  assert.equal(attempt.exchange.completed, true);
  const before = fake.manager.target("all");
  fake.push({ assignments: [loadAssignment([locality(B)], "b")] });
  assert.equal(fake.manager.target("all"), before);
  fake.push({ clusters: [cluster({ name: "all", type: "aggregate", edsServiceName: null, members: ["b"] })] });
  assert.notEqual(fake.manager.target("all"), before);
  const picked = await fake.manager.target("all")!.pick(new UpstreamAttempt());
  assert.equal(picked!.key, "10.1.0.1:80");
  assert.deepEqual([...fake.manager.target("all")!.hosts()].map(({ key }) => key), ["10.1.0.1:80"]);
  fake.push({ removed: ["all"] });
  assert.equal(fake.manager.target("all"), null);
  fake.manager.close();
});
