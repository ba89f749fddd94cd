import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { UpstreamAttempt } from "../../lib/upstream/upstream_attempt.ts";
import {
  cluster,
  endpoint,
  loadAssignment,
  loadBalancing,
  locality,
  outlierDetection as outlierSettings,
} from "../support/resource_objects.ts";
import { FakeUpstream, request, turn } from "./fake_upstream.ts";

const A = endpoint("10.0.0.1", 8080);
const B = endpoint("10.0.0.2", 8080);

function upstream(overrides: Parameters<typeof cluster>[0] = {}, endpoints = [A]): FakeUpstream {
  return new FakeUpstream({ clusters: [cluster(overrides)], assignments: [loadAssignment([locality(endpoints)])] });
}

function send(fake: FakeUpstream, attempt = new UpstreamAttempt(), name = "backend") {
  return fake.manager.target(name)!.send(request(), attempt);
}

function rejectsWith(promise: Promise<unknown>, code: string): Promise<void> {
  return assert.rejects(promise, (error) => error instanceof MeshError && error.code === code);
}

Deno.test("A request goes to an endpoint, and its connection is used again", async () => {
  const fake = upstream();
  for (let i = 0; i < 3; i++) {
    const response = send(fake);
    (await fake.next()).answer(200);
    assert.equal((await response).status, 200);
  }
  assert.equal(fake.connections.length, 1);
  assert.deepEqual(fake.targets[0]!.address, { hostname: "10.0.0.1", port: 8080 });
  fake.manager.close();
});

Deno.test("An unknown cluster has no target", () => {
  const fake = upstream();
  assert.equal(fake.manager.target("nobody"), null);
  fake.manager.close();
});

Deno.test("A cluster without endpoints fails with UH and completes the exchange", async () => {
  const fake = upstream({}, []);
  const attempt = new UpstreamAttempt();
  await rejectsWith(send(fake, attempt), "NO_HEALTHY_UPSTREAM");
  assert.equal(attempt.exchange.completed, true);
  fake.manager.close();
});

Deno.test("Removed endpoints drain, those that stay keep their connections", async () => {
  const fake = upstream({ loadBalancing: loadBalancing({ policy: "round_robin" }) }, [A, B]);
  const first = send(fake);
  const second = send(fake);
  const [one, two] = [await fake.next(), await fake.next()];
  one.answer();
  two.answer();
  await Promise.all([first, second]);
  const connected = fake.connections.map(({ info }) => info.remote.hostname).sort();
  assert.deepEqual(connected, ["10.0.0.1", "10.0.0.2"]);
  fake.push({ assignments: [loadAssignment([locality([A])])] });
  const states = Object.fromEntries(fake.connections.map(({ info, state }) => [info.remote.hostname, state]));
  assert.deepEqual(states, { "10.0.0.1": "open", "10.0.0.2": "closed" });
  const next = send(fake);
  (await fake.next()).answer();
  await next;
  assert.equal(fake.connections.length, 2);
  fake.manager.close();
});

Deno.test("A request under way on a removed endpoint is finished", async () => {
  const fake = upstream({}, [A]);
  const response = send(fake);
  const received = await fake.next();
  fake.push({ assignments: [loadAssignment([locality([B])])] });
  assert.equal(received.connection.state, "draining");
  received.answer(201);
  assert.equal((await response).status, 201);
  assert.equal(received.connection.state, "closed");
  fake.manager.close();
});

Deno.test("A changed configuration makes a new cluster, the old one drains", async () => {
  const fake = upstream();
  const before = fake.manager.target("backend");
  const response = send(fake);
  const received = await fake.next();
  fake.push({ clusters: [cluster({ connectTimeoutMs: 5 })] });
  const after = fake.manager.target("backend");
  assert.notEqual(before, after);
  received.answer();
  assert.equal((await response).status, 200);
  assert.equal(received.connection.state, "closed");
  fake.push({ removed: ["backend"] });
  assert.equal(fake.manager.target("backend"), null);
  fake.manager.close();
});

Deno.test("A push reads the clusters in use, and no others of ten thousand", async () => {
  const fake = upstream();
  const response = send(fake);
  (await fake.next()).answer();
  await response;
  fake.read.length = 0;
  const others = Array.from({ length: 100 }, (_, number) => cluster({ name: `other-${number}` }));
  fake.push({ clusters: [...others, cluster({ connectTimeoutMs: 5 })] });
  assert.deepEqual(fake.read, [cluster().name]);
  fake.manager.close();
});

Deno.test("Limits: too many requests and too many that wait fail with UO", async () => {
  const limits = { maxConnections: 1, maxPendingRequests: 1, maxRequests: 2, maxRetries: 3, retryBudget: null };
  const fake = upstream({ circuitBreakers: limits });
  const first = send(fake);
  const received = await fake.next();
  const waiting = send(fake);
  await rejectsWith(send(fake), "UPSTREAM_OVERFLOW");
  assert.equal(fake.connections.length, 1);
  received.answer();
  (await fake.next()).answer();
  await Promise.all([first, waiting]);
  const { resources } = fake.manager.target("backend")!;
  assert.deepEqual([resources.requests.count, resources.pendingRequests.count, resources.connections.count], [0, 0, 1]);
  fake.manager.close();
  assert.equal(resources.connections.count, 0);
});

Deno.test("A refused connection fails everything that waits for it, with Envoy's reason", async () => {
  const fake = upstream();
  fake.refusing.add(A.key);
  await assert.rejects(send(fake), {
    code: "UPSTREAM_CONNECTION_FAILURE",
    reason: "remote connection failure",
    transportFailure: "delayed_connect_error:_Connection_refused",
  });
  assert.equal(fake.manager.target("backend")!.resources.requests.count, 0);
  fake.manager.close();
});

Deno.test("HTTP/2: one connection carries what its streams allow, then another is opened", async () => {
  const http = { ...cluster().http, protocol: "http2" as const };
  const fake = new FakeUpstream({
    clusters: [cluster({ http })],
    assignments: [loadAssignment([locality([A])])],
    streams: 2,
  });
  const responses = [send(fake), send(fake), send(fake)];
  await turn();
  assert.equal(fake.connections.length, 2);
  assert.deepEqual(fake.connections.map(({ active }) => active), [2, 1]);
  for (let i = 0; i < 3; i++) (await fake.next()).answer();
  await Promise.all(responses);
  fake.manager.close();
});

Deno.test("A connection is retired after its requests, and when it has been idle", async () => {
  const http = { ...cluster().http, maxRequestsPerConnection: 2, idleTimeoutMs: 1000 };
  const fake = upstream({ http });
  fake.onRequest = (received) => received.answer();
  for (let i = 0; i < 3; i++) await send(fake);
  assert.deepEqual(fake.connections.map(({ state }) => state), ["closed", "open"]);
  await fake.clock.advance(900);
  assert.equal(fake.connections[1]!.state, "open");
  await fake.clock.advance(600);
  assert.equal(fake.connections[1]!.state, "closed");
  assert.equal(fake.clock.pendingTimers, 0);
  fake.manager.close();
});

Deno.test("A request given up while it waits leaves no trace", async () => {
  const fake = upstream();
  let open = () => {};
  fake.gate = new Promise((resolve) => open = resolve);
  const attempt = new UpstreamAttempt();
  const response = send(fake, attempt);
  attempt.exchange.cancel(new Error("Enough"));
  await assert.rejects(response, /Enough/);
  open();
  await turn();
  assert.equal(fake.received.length, 0);
  assert.equal(fake.connections[0]!.active, 0);
  fake.manager.close();
});

Deno.test("STRICT_DNS: every address is a host, requests wait for the first answer, failures keep the last one", async () => {
  const fake = new FakeUpstream({
    clusters: [cluster({
      type: "strict_dns",
      edsServiceName: null,
      loadAssignment: loadAssignment([locality([endpoint("db.example", 5432)])]),
    })],
  });
  fake.names.set("db.example", { addresses: ["10.1.0.1", "10.1.0.2"], ttlMs: null });
  fake.onRequest = (received) => received.answer();
  await send(fake);
  const target = fake.manager.target("backend")!;
  assert.deepEqual([...target.hosts()].map(({ key }) => key), ["10.1.0.1:5432", "10.1.0.2:5432"]);
  fake.names.clear();
  await fake.clock.advance(6000);
  await send(fake);
  await turn();
  assert.equal([...target.hosts()].length, 2);
  fake.names.set("db.example", { addresses: ["10.1.0.3"], ttlMs: null });
  await fake.clock.advance(6000);
  await send(fake);
  await turn();
  assert.deepEqual([...target.hosts()].map(({ key }) => key), ["10.1.0.3:5432"]);
  fake.manager.close();
});

Deno.test("STRICT_DNS asks again when the TTL is over, where it is respected; 0 is none", async () => {
  const fake = new FakeUpstream({
    clusters: [cluster({
      type: "strict_dns",
      edsServiceName: null,
      dns: { refreshMs: 60_000, respectTtl: true, family: "auto" },
      loadAssignment: loadAssignment([locality([endpoint("db.example", 5432)])]),
    })],
  });
  fake.onRequest = (received) => received.answer();
  const lookupsAfter = async (ms: number) => {
    await fake.clock.advance(ms);
    await send(fake);
    await turn();
    return fake.lookups;
  };
  fake.names.set("db.example", { addresses: ["10.1.0.1"], ttlMs: 20_000 });
  assert.equal(await lookupsAfter(0), 1);
  assert.equal(await lookupsAfter(19_000), 1);
  fake.names.set("db.example", { addresses: ["10.1.0.1"], ttlMs: 0 });
  assert.equal(await lookupsAfter(2_000), 2);
  assert.equal(await lookupsAfter(59_000), 2);
  assert.equal(await lookupsAfter(2_000), 3);
  fake.manager.close();
});

Deno.test("LOGICAL_DNS: one address at a time; new connections go to the newest, old ones go on", async () => {
  const fake = new FakeUpstream({
    clusters: [cluster({
      type: "logical_dns",
      edsServiceName: null,
      loadAssignment: loadAssignment([locality([endpoint("db.example", 5432)])]),
    })],
  });
  fake.names.set("db.example", { addresses: ["10.1.0.1", "10.1.0.2"], ttlMs: null });
  fake.onRequest = (received) => received.answer();
  await Promise.all([send(fake), send(fake)]);
  assert.deepEqual(new Set(fake.targets.map(({ address }) => address.hostname)), new Set(["10.1.0.1"]));
  fake.names.set("db.example", { addresses: ["10.1.0.9"], ttlMs: null });
  await fake.clock.advance(6000);
  await send(fake);
  await turn();
  const host = [...fake.manager.target("backend")!.hosts()][0]!;
  assert.deepEqual([host.endpoint.address, host.endpoint.hostname], ["10.1.0.9", "db.example"]);
  const before = fake.connections.length;
  await send(fake);
  assert.equal(fake.connections.length, before, "the connection to the former address is used");
  for (const connection of [...fake.connections]) connection.drain();
  await send(fake);
  assert.equal(fake.targets.at(-1)!.address.hostname, "10.1.0.9");
  fake.manager.close();
});

Deno.test("Priority HIGH has connections and limits of its own", async () => {
  const one = {
    maxConnections: 1,
    maxPendingRequests: 10,
    maxRequests: 1,
    maxRetries: 1,
    retryBudget: null,
  };
  const fake = upstream({ circuitBreakers: one, highPriorityCircuitBreakers: one });
  const normal = send(fake);
  const received = await fake.next();
  await rejectsWith(send(fake), "UPSTREAM_OVERFLOW");
  const high = send(fake, new UpstreamAttempt({ highPriority: true }));
  (await fake.next()).answer();
  received.answer();
  await Promise.all([normal, high]);
  assert.equal(fake.connections.length, 2);
  fake.manager.close();
});

Deno.test("A connection takes no more requests after its time, and finishes what is under way", async () => {
  const fake = upstream({ http: { ...cluster().http, maxConnectionDurationMs: 5_000 } });
  const first = send(fake);
  const received = await fake.next();
  await fake.clock.advance(5_000);
  assert.equal(fake.connections[0]!.state, "draining");
  const second = send(fake);
  (await fake.next()).answer();
  await second;
  assert.equal(fake.connections.length, 2);
  received.answer();
  assert.equal((await first).status, 200);
  assert.equal(fake.connections[0]!.state, "closed");
  fake.manager.close();
});

Deno.test("Sockets are opened as the cluster says", async () => {
  const fake = upstream({
    tcpKeepalive: { probes: 3, timeSeconds: 10, intervalSeconds: 5 },
    bindAddress: { hostname: "127.0.0.6", port: 0 },
    bufferBytes: 32_768,
  }, [A, endpoint("2001:db8::1", 80, { key: "[2001:db8::1]:80" })]);
  fake.onRequest = (received) => received.answer();
  for (let i = 0; i < 20; i++) await send(fake);
  const [v4, v6] = [false, true].map((colon) =>
    fake.targets.find(({ address }) => address.hostname.includes(":") === colon)!
  );
  assert.deepEqual([v4!.localAddress, v4!.keepAliveMs, v4!.bufferBytes], [
    { hostname: "127.0.0.6", port: 0 },
    10_000,
    32_768,
  ]);
  assert.equal(v6!.localAddress, null, "an IPv4 address cannot be the source of an IPv6 connection");
  fake.manager.close();
});

Deno.test("A DNS cluster whose name has no address fails with UH", async () => {
  const fake = new FakeUpstream({
    clusters: [cluster({
      type: "logical_dns",
      edsServiceName: null,
      loadAssignment: loadAssignment([locality([endpoint("nowhere.example", 80)])]),
    })],
  });
  await assert.rejects(send(fake), (error) => {
    assert.ok(error instanceof MeshError);
    assert.equal(error.code, "NO_HEALTHY_UPSTREAM");
    assert.match(error.message, /no address/);
    return true;
  });
  fake.manager.close();
});

Deno.test("ORIGINAL_DST goes where the caller wanted, by address or by name", async () => {
  const fake = new FakeUpstream({ clusters: [cluster({ type: "original_dst", edsServiceName: null })] });
  fake.names.set("example.org", { addresses: ["192.0.2.1"], ttlMs: null });
  fake.onRequest = (received) => received.answer();
  for (const destination of ["192.0.2.9:81", "[2001:db8::1]:82", "example.org:83"]) {
    await send(fake, new UpstreamAttempt({ destination }));
  }
  assert.deepEqual(fake.targets.map(({ address }) => address), [
    { hostname: "192.0.2.9", port: 81 },
    { hostname: "2001:db8::1", port: 82 },
    { hostname: "192.0.2.1", port: 83 },
  ]);
  await rejectsWith(send(fake, new UpstreamAttempt({ destination: "nowhere.example:80" })), "DNS_RESOLUTION_FAILED");
  await rejectsWith(send(fake, new UpstreamAttempt()), "NO_HEALTHY_UPSTREAM");
  fake.manager.close();
});

Deno.test("Closing ends connections of hosts that are gone too", async () => {
  const fake = upstream({}, [A]);
  const response = send(fake);
  const received = await fake.next();
  fake.push({ assignments: [loadAssignment([locality([B])])] });
  assert.equal(received.connection.state, "draining");
  fake.manager.close();
  await rejectsWith(response, "UPSTREAM_CONNECTION_TERMINATION");
  assert.equal(received.connection.state, "closed");
  assert.equal(fake.clock.pendingTimers, 0);
});

Deno.test("A caller that gives up does not wait for a name to be resolved", async () => {
  const fake = new FakeUpstream({ clusters: [cluster({ type: "original_dst", edsServiceName: null })] });
  fake.names.set("slow.example", { addresses: ["192.0.2.1"], ttlMs: null });
  const attempt = new UpstreamAttempt({ destination: "slow.example:80" });
  const response = send(fake, attempt);
  attempt.exchange.cancel(new Error("Enough"));
  await assert.rejects(response, /Enough/);
  await turn();
  assert.equal(fake.targets.length, 0);
  fake.manager.close();
});

Deno.test("Outlier detection: a failing host is left alone, overflow does not count against it", async () => {
  const outlierDetection = outlierSettings({ consecutive5xx: 2, maxEjectionPercent: 100 });
  const circuitBreakers = { ...cluster().circuitBreakers, maxPendingRequests: 0 };
  const fake = upstream({ outlierDetection, circuitBreakers });
  for (let i = 0; i < 4; i++) await rejectsWith(send(fake), "UPSTREAM_OVERFLOW");
  assert.deepEqual([...fake.manager.target("backend")!.hosts()].map(({ ejected }) => ejected), [false]);
  fake.push({ clusters: [cluster({ outlierDetection })] });
  fake.onRequest = (received) => received.answer(500);
  for (let i = 0; i < 2; i++) await send(fake);
  await turn();
  await rejectsWith(send(fake), "NO_HEALTHY_UPSTREAM");
  fake.manager.close();
  assert.equal(fake.clock.pendingTimers, 0);
});
