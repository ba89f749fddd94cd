import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import type { DnsAnswer } from "../../lib/transport/dns.ts";
import { UpstreamAttempt } from "../../lib/upstream/upstream_attempt.ts";
import { cluster, loadBalancing } from "../support/resource_objects.ts";
import { FakeUpstream, request, turn } from "./fake_upstream.ts";

function upstream(dns: Partial<ReturnType<typeof cluster>["dns"]> = {}) {
  const fake = new FakeUpstream({
    clusters: [cluster({
      type: "dynamic_forward_proxy",
      edsServiceName: null,
      loadBalancing: loadBalancing({ policy: "cluster_provided" }),
      dns: { refreshMs: 60_000, respectTtl: true, family: "auto", maxHosts: 2, hostTtlMs: 300_000, ...dns },
    })],
  });
  fake.onRequest = (received) => received.answer();
  const send = (destination: string | null) =>
    fake.manager.target("backend")!.send(request(), new UpstreamAttempt({ destination }));
  return { fake, send, reached: () => fake.targets.map(({ address }) => address.hostname) };
}

function rejectsWith(promise: Promise<unknown>, code: string): Promise<void> {
  return assert.rejects(promise, (error) => error instanceof MeshError && error.code === code);
}

Deno.test("A name is resolved before its first request, and its connections are used again", async () => {
  const { fake, send, reached } = upstream();
  fake.names.set("a.example", { addresses: ["192.0.2.1", "192.0.2.2"], ttlMs: null });
  await Promise.all([send("a.example:80"), send("a.example:80")]);
  await send("a.example:80");
  assert.equal(fake.lookups, 1);
  assert.deepEqual(new Set(reached()), new Set(["192.0.2.1"]));
  assert.deepEqual([...fake.manager.target("backend")!.hosts()].map(({ key }) => key), ["a.example:80"]);
  await send("192.0.2.9:81");
  assert.equal(fake.targets.at(-1)!.address.port, 81);
  assert.equal(fake.lookups, 1);
  fake.manager.close();
});

Deno.test("A name that does not resolve, and what is no host and port, fail with DNS_RESOLUTION_FAILED", async () => {
  const { fake, send } = upstream();
  for (const bad of ["nobody.example:80", ":80", "a.example:0", "a.example:99999", "a.example"]) {
    await rejectsWith(send(bad), "DNS_RESOLUTION_FAILED");
  }
  await rejectsWith(send(null), "NO_HEALTHY_UPSTREAM");
  fake.manager.close();
});

Deno.test("After its time a name is resolved again beside the requests; while that fails the old address serves", async () => {
  const { fake, send, reached } = upstream();
  fake.names.set("a.example", { addresses: ["192.0.2.1"], ttlMs: 2_000 });
  await send("a.example:80");
  const first = fake.connections[0]!;
  fake.names.delete("a.example");
  await fake.clock.advance(2_500);
  await send("a.example:80");
  await turn();
  assert.equal(fake.lookups, 2);
  await send("a.example:80");
  assert.deepEqual(reached(), ["192.0.2.1"]);
  fake.names.set("a.example", { addresses: ["192.0.2.7"], ttlMs: 60_000 });
  await fake.clock.advance(5_500);
  await send("a.example:80");
  await turn();
  assert.equal(first.state, "open", "connections to the former address stay");
  first.drain();
  await send("a.example:80");
  assert.deepEqual(reached(), ["192.0.2.1", "192.0.2.7"]);
  fake.manager.close();
});

Deno.test("The number of names is bounded; those not used for their time make room", async () => {
  const { fake, send } = upstream();
  for (const name of ["a", "b", "c"]) fake.names.set(name, { addresses: ["192.0.2.1"], ttlMs: null });
  await send("a:80");
  await fake.clock.advance(200_000);
  await send("b:80");
  await rejectsWith(send("c:80"), "UPSTREAM_OVERFLOW");
  await fake.clock.advance(100_000);
  await send("c:80");
  assert.deepEqual([...fake.manager.target("backend")!.hosts()].map(({ key }) => key), ["b:80", "c:80"]);
  fake.manager.close();
});

Deno.test("A resolver that does not answer is waited for as long as is configured", async () => {
  const { fake, send } = upstream();
  const answer = Promise.withResolvers<DnsAnswer>();
  fake.names.set("a.example", answer.promise);
  let failed = false;
  const lost = rejectsWith(send("a.example:80"), "DNS_RESOLUTION_FAILED").then(() => failed = true);
  await turn();
  await fake.clock.advance(4_999);
  assert.equal(failed, false);
  await fake.clock.advance(1);
  await lost;
  // What comes late is of use to the next request.
  answer.resolve({ addresses: ["192.0.2.1"], ttlMs: null });
  await send("a.example:80");
  assert.equal(fake.lookups, 1);
  fake.manager.close();
});
