import assert from "node:assert/strict";
import { MeshError, type MeshErrorCode } from "../../lib/errors.ts";
import { QueueBody } from "../../lib/http/body.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { ClusterClient } from "../../lib/upstream/cluster_client.ts";
import { DEFAULT_CIRCUIT_BREAKERS } from "../../lib/upstream/resources.ts";
import { cluster, endpoint, loadAssignment, loadBalancing, locality } from "../support/resource_objects.ts";
import { FakeUpstream, request, turn } from "./fake_upstream.ts";

const HOSTS = [1, 2, 3, 4].map((i) => endpoint(`10.0.0.${i}`, 8080));

function setUp(overrides: Parameters<typeof cluster>[0] = {}, endpoints = HOSTS.slice(0, 1)) {
  const fake = new FakeUpstream({
    clusters: [cluster(overrides)],
    assignments: [loadAssignment([locality(endpoints)])],
  });
  const client = new ClusterClient({
    clusters: fake.manager,
    exists: (name) => fake.current.cluster(name) !== null,
    timers: fake.clock,
  });
  const send = (overrides: Parameters<typeof request>[0] = {}, timeoutMs: number | null = null, signal?: AbortSignal) =>
    client.send("backend", request(overrides), { timeoutMs, signal: signal ?? new AbortController().signal });
  return { fake, client, send };
}

function rejects(promise: Promise<unknown>, code: MeshErrorCode): Promise<void> {
  return assert.rejects(promise, (error) => error instanceof MeshError && error.code === code);
}

Deno.test("a request of the mesh's own goes to an endpoint of the cluster and says that it is one", async () => {
  const { fake, client, send } = setUp();
  assert.equal(client.has("backend"), true);
  assert.equal(client.has("nobody"), false);
  const response = send({ path: "/check", headers: new HeaderList(["x-a", "1"]) });
  const received = await fake.next();
  assert.equal(received.request.path, "/check");
  assert.deepEqual(received.request.headers.pairs, ["x-a", "1", "x-envoy-internal", "true"]);
  await fake.clock.advance(7);
  received.answer(204, ["x-b", "2"]);
  const { status, headers } = await response;
  assert.equal(status, 204);
  assert.deepEqual(headers.pairs, ["x-b", "2", "x-envoy-upstream-service-time", "7"]);
  fake.manager.close();
});

Deno.test("an unknown cluster, one without endpoints, and one that is full fail at once", async () => {
  const { fake, client } = setUp();
  const { signal } = new AbortController();
  await rejects(client.send("nobody", request(), { timeoutMs: null, signal }), "NO_CLUSTER_FOUND");
  fake.manager.close();
  const empty = setUp({}, []);
  await rejects(empty.send(), "NO_HEALTHY_UPSTREAM");
  empty.fake.manager.close();
  const full = setUp({ circuitBreakers: { ...DEFAULT_CIRCUIT_BREAKERS, maxRequests: 1 } });
  const first = full.send();
  await rejects(full.send(), "UPSTREAM_OVERFLOW");
  (await full.fake.next()).answer();
  await first;
  const again = full.send();
  (await full.fake.next()).answer();
  await again;
  full.fake.manager.close();
});

Deno.test("a request whose time is up is given up, before its answer and within it", async () => {
  const { fake, send } = setUp();
  const late = rejects(send({}, 500), "UPSTREAM_REQUEST_TIMEOUT");
  const received = await fake.next();
  assert.equal(received.request.headers.get("x-envoy-expected-rq-timeout-ms"), "500");
  await fake.clock.advance(499);
  assert.equal(received.exchange.cancelled, false);
  await fake.clock.advance(1);
  await late;
  assert.equal(received.exchange.completed, true);

  const begun = send({}, 500);
  const streaming = await fake.next();
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
  streaming.exchange.onCancel((reason) => body.fail(reason));
  streaming.stream(200, body);
  const response = await begun;
  const read = rejects(response.body!.read(), "UPSTREAM_REQUEST_TIMEOUT");
  await fake.clock.advance(500);
  await read;
  fake.manager.close();
});

Deno.test("a request that is answered in time leaves no timer, and no listener on its signal", async () => {
  const { fake, send } = setUp();
  const first = send();
  (await fake.next()).answer();
  await first;
  const before = fake.clock.pendingTimers;
  const controller = new AbortController();
  const response = send({}, 500, controller.signal);
  const received = await fake.next();
  received.answer();
  await response;
  await turn();
  assert.equal(fake.clock.pendingTimers, before);
  controller.abort();
  assert.equal(received.exchange.cancelled, false);
  fake.manager.close();
});

Deno.test("a request that is given up ends with the reason of the signal; one that is given up before is not sent", async () => {
  const { fake, send } = setUp();
  const controller = new AbortController();
  const pending = send({}, 500, controller.signal);
  const received = await fake.next();
  controller.abort(new TypeError("Enough"));
  await assert.rejects(pending, /Enough/);
  assert.equal(received.exchange.cancelled, true);
  await assert.rejects(send({}, null, controller.signal), /Enough/);
  await turn();
  assert.equal(fake.received.length, 0);
  fake.manager.close();
});

Deno.test("the authority decides where the cluster chooses by hash", async () => {
  const { fake, send } = setUp({ loadBalancing: loadBalancing({ policy: "maglev" }) }, HOSTS);
  const seen = new Map<string, Set<string>>();
  for (let i = 0; i < 60; i++) {
    const authority = `host-${i % 12}`;
    const response = send({ authority });
    const { connection, answer } = await fake.next();
    answer();
    await response;
    const host = connection.info.remote.hostname;
    if (!seen.has(authority)) seen.set(authority, new Set());
    seen.get(authority)!.add(host);
  }
  assert.deepEqual([...seen.values()].map(({ size }) => size), Array(12).fill(1));
  assert.ok(new Set([...seen.values()].flatMap((hosts) => [...hosts])).size > 1);
  fake.manager.close();
});

Deno.test("clusters that ask the request are told: ORIGINAL_DST by its header", async () => {
  const original = setUp({ type: "original_dst", edsServiceName: null, originalDstHeader: "x-to" });
  const response = original.send({ headers: new HeaderList(["x-to", "10.9.9.9:99"]) });
  (await original.fake.next()).answer();
  await response;
  assert.deepEqual(original.fake.targets[0]!.address, { hostname: "10.9.9.9", port: 99 });
  await rejects(original.send(), "NO_HEALTHY_UPSTREAM");
  original.fake.manager.close();
});
