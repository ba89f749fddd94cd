import assert from "node:assert/strict";
import { parseCluster } from "../../lib/resource/parse_cluster.ts";
import { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import type { Snapshot } from "../../lib/resource/snapshot.ts";
import { edsServiceName } from "../../lib/resource/resource_facts.ts";
import { readRecording, RECORDING_PARSERS, recordingNames } from "./recording.ts";
import { EXPECTED_REPORTS } from "./unsupported.ts";

const NAMES = recordingNames();

function storeFor(namespace: string): SnapshotStore {
  const clock = { now: () => 0, monotonic: () => 0, timer: () => ({ cancel: () => {} }) };
  return new SnapshotStore({ parsers: RECORDING_PARSERS, clientNamespace: namespace, clock });
}

/** The snapshot of a recording after its last update. */
function replay(name: string): Snapshot {
  const recording = readRecording(name);
  const store = storeFor(recording.namespace);
  for (const { kind, update } of recording.updates) store.apply(kind, update);
  return store.current;
}

Deno.test("There are recordings of every scenario that has bytes", () => {
  const scenarios = new Set(NAMES.map((name) => name.split("/")[0]));
  assert.equal(scenarios.size, 24, `scenarios: ${[...scenarios].join(" ")}`);
  assert.ok(NAMES.length >= 60, `${NAMES.length} recordings`);
});

Deno.test("Every recording is applied: only what is listed is reported, and all of it expands", () => {
  const used = new Set<string>();
  for (const name of NAMES) {
    const recording = readRecording(name);
    const store = storeFor(recording.namespace);
    assert.equal(store.ready, false);
    for (const { file, kind, update } of recording.updates) {
      for (const report of store.apply(kind, update)) {
        assert.equal(report.applied, true, `${file}: '${report.name}' is refused: ${report.errors.join("; ")}`);
        for (const error of report.errors) {
          const expected = EXPECTED_REPORTS.find((entry) =>
            error.includes(entry.what) && entry.recordings.some((prefix) => name.startsWith(prefix))
          );
          assert.ok(expected, `${file}: '${report.name}' reports: ${error}`);
          used.add(expected.what);
        }
      }
    }
    assert.equal(store.ready, true, `${name} is not ready at its end`);
    const { current } = store;
    for (const cluster of current.clusterNames) assert.ok(current.cluster(cluster), `${name}: ${cluster}`);
    for (const listener of current.listenerNames) assert.ok(current.listener(listener), `${name}: ${listener}`);
    for (const route of current.routeNames) assert.ok(current.route(route), `${name}: ${route}`);
    for (const eds of store.wanted("endpoint")) assert.ok(current.endpoints(eds), `${name}: endpoints of ${eds}`);
    for (const rds of store.wanted("route")) assert.ok(current.route(rds), `${name}: route ${rds}`);
    store.close();
  }
  assert.deepEqual([...used].sort(), EXPECTED_REPORTS.map((entry) => entry.what).sort(), "the list has stale entries");
});

Deno.test("Applying a recording a second time changes nothing and tells nobody", async () => {
  for (const name of ["basic/sleep", "basic/sleep-sotw", "tls-modes/httpbin", "grpc/orders"]) {
    const recording = readRecording(name);
    const store = storeFor(recording.namespace);
    for (const { kind, update } of recording.updates) store.apply(kind, update);
    const before = store.current;
    await Promise.resolve();
    store.subscribe(() => assert.fail(`${name}: a push of the same bytes was told`));
    for (const { kind, update } of recording.updates) store.apply(kind, { ...update, removed: [] });
    await Promise.resolve();
    assert.equal(store.current, before);
  }
});

Deno.test("A cluster's load assignment is named the same by the cheap fact and by the whole cluster", () => {
  for (const name of NAMES) {
    for (const { kind, update } of readRecording(name).updates) {
      if (kind !== "cluster") continue;
      for (const [cluster, bytes] of update.changed) {
        const parsed = parseCluster(bytes, RECORDING_PARSERS);
        assert.ok(parsed.ok);
        assert.equal(edsServiceName(bytes), parsed.value.edsServiceName, `${name}: ${cluster}`);
      }
    }
  }
});

Deno.test("basic: clusters of a client", () => {
  const snapshot = replay("basic/sleep");
  const httpbin = snapshot.cluster("outbound|8000||httpbin.default.svc.cluster.local");
  assert.ok(httpbin);
  assert.equal(httpbin.type, "eds");
  assert.equal(httpbin.edsServiceName, "outbound|8000||httpbin.default.svc.cluster.local");
  assert.equal(httpbin.connectTimeoutMs, 10_000);
  assert.equal(httpbin.loadBalancing.policy, "least_request");
  assert.equal(httpbin.loadBalancing.healthyPanicThreshold, 0);
  assert.equal(httpbin.circuitBreakers.maxConnections, 4_294_967_295);
  assert.equal(httpbin.http.protocol, "http1");
  assert.deepEqual(httpbin.upstreamFilters, ["istio.metadata_exchange"]);
  assert.deepEqual(
    httpbin.transportSocketMatches.map(({ name, match, socket }) => [name, match, socket.kind]),
    [["tlsMode-istio", { tlsMode: "istio" }, "tls"], ["tlsMode-disabled", {}, "plaintext"]],
  );
  const socket = httpbin.transportSocketMatches[0]!.socket;
  assert.ok(socket.kind === "tls");
  assert.equal(socket.context.sni, "outbound_.8000_._.httpbin.default.svc.cluster.local");
  assert.deepEqual(socket.context.alpn, ["istio-peer-exchange", "istio"]);
  assert.deepEqual(socket.context.certificates, [{ kind: "sds", name: "default" }]);
  assert.deepEqual(socket.context.validation, {
    trust: { kind: "sds", name: "ROOTCA" },
    subjectAltNames: [{
      type: "any",
      match: { kind: "exact", value: "spiffe://cluster.local/ns/default/sa/httpbin", ignoreCase: false },
    }],
  });
  assert.equal(snapshot.cluster("PassthroughCluster")?.type, "original_dst");
  assert.equal(snapshot.cluster("PassthroughCluster")?.loadBalancing.policy, "cluster_provided");
  assert.equal(snapshot.cluster("BlackHoleCluster")?.type, "static");
  assert.deepEqual(snapshot.cluster("BlackHoleCluster")?.loadAssignment?.localities, []);
  assert.deepEqual(snapshot.cluster("inbound|80||")?.bindAddress, { hostname: "127.0.0.6", port: 0 });
  assert.deepEqual(httpbin.metadata["istio"]?.["services"], [
    { host: "httpbin.default.svc.cluster.local", name: "httpbin", namespace: "default" },
  ]);
});

Deno.test("basic: endpoints, their weights and what they accept", () => {
  const assignment = replay("basic/sleep").endpoints("outbound|8000||httpbin.default.svc.cluster.local");
  const endpoints = assignment?.localities.flatMap((locality) => locality.endpoints) ?? [];
  assert.deepEqual(endpoints.map((endpoint) => endpoint.key).sort(), ["10.0.0.11:8080", "10.0.0.12:8080"]);
  for (const endpoint of endpoints) {
    assert.equal(endpoint.health, "healthy");
    assert.equal(endpoint.weight, 1);
    assert.deepEqual(endpoint.metadata["envoy.transport_socket_match"], { tlsMode: "istio" });
  }
});

Deno.test("basic: routes with Istio's default timeout and retries", () => {
  const route = replay("basic/sleep").route("8000");
  assert.equal(route?.ignorePortInHostMatching, true);
  const host = route?.virtualHosts.find((candidate) => candidate.name === "httpbin.default.svc.cluster.local:8000");
  assert.ok(host?.domains.includes("httpbin"));
  assert.equal(host?.includeRequestAttemptCount, true);
  const action = host?.routes[0]?.action;
  assert.ok(action?.kind === "forward");
  assert.equal(action.timeoutMs, 0);
  assert.equal(action.maxGrpcTimeoutMs, 0);
  assert.deepEqual(action.cluster, { kind: "name", name: "outbound|8000||httpbin.default.svc.cluster.local" });
  assert.deepEqual(action.retryPolicy?.retryOn, [
    "connect-failure",
    "refused-stream",
    "unavailable",
    "cancelled",
    "retriable-status-codes",
  ]);
  assert.equal(action.retryPolicy?.numRetries, 2);
  assert.equal(action.retryPolicy?.previousHosts, true);
  assert.equal(action.retryPolicy?.hostSelectionRetryMaxAttempts, 5);
  assert.equal(host?.routes[0]?.operation, "httpbin.default.svc.cluster.local:8000/*");
});

Deno.test("basic: listeners by name and by address", () => {
  const snapshot = replay("basic/sleep");
  const listener = snapshot.outboundListener("0.0.0.0", 8000);
  assert.equal(listener?.name, "0.0.0.0_8000");
  assert.equal(listener?.listenerFiltersTimeoutMs, 0);
  assert.equal(listener?.bindToPort, false);
  assert.equal(listener?.defaultFilterChain?.name, "PassthroughFilterChain");
  const filter = listener?.filterChains[0]?.filters.at(-1);
  assert.ok(filter?.kind === "http_connection_manager");
  assert.deepEqual(filter.config.routes, { rds: "8000" });
  assert.equal(filter.config.streamIdleTimeoutMs, 0);
  assert.deepEqual(filter.config.upgrades, ["websocket"]);
  assert.equal(filter.config.forwardClientCert, "sanitize");
  assert.ok(filter.config.httpFilters.every((candidate) => candidate.plan !== null));
  assert.equal(filter.config.httpFilters[0]?.typeUrl, "io.istio.http.peer_metadata.Config");
  assert.equal(snapshot.outboundListener("0.0.0.0", 15006), null, "an inbound listener is not an outbound one");
  assert.equal(snapshot.virtualOutbound?.filterChains[0]?.name, "virtualOutbound-blackhole");
  const inbound = snapshot.virtualInbound?.filterChains.find((chain) => chain.match.destinationPort === 80);
  const manager = inbound?.filters.at(-1);
  assert.ok(manager?.kind === "http_connection_manager");
  assert.equal(manager.config.serverName, "istio-envoy");
  assert.equal(manager.config.forwardClientCert, "append_forward");
  assert.deepEqual(manager.config.setCurrentClientCert, {
    subject: true,
    cert: false,
    chain: false,
    dns: true,
    uri: true,
  });
  assert.ok("inline" in manager.config.routes);
  assert.equal(inbound?.tls?.requireClientCertificate, true);
  assert.equal(inbound?.tls?.minVersion, "TLSv1.2");
  assert.equal(inbound?.transportSocketConnectTimeoutMs, null);
  assert.equal(listener?.filterChains[0]?.transportSocketConnectTimeoutMs, 15_000);
});

Deno.test("basic: names of the mesh as its client resolves them", () => {
  const { nameTable } = replay("basic/sleep");
  assert.deepEqual(nameTable.lookup("httpbin.default.svc.cluster.local"), ["10.96.0.2"]);
  assert.deepEqual(nameTable.lookup("HTTPBIN.default.svc.cluster.local."), ["10.96.0.2"]);
  assert.deepEqual(nameTable.lookup("httpbin"), ["10.96.0.2"]);
  assert.deepEqual(nameTable.lookup("cart.shop"), ["10.96.1.1"]);
  assert.deepEqual(nameTable.lookup("cart.shop.svc"), ["10.96.1.1"]);
  assert.equal(nameTable.lookup("cart"), null, "a short name is looked up in the client's own namespace only");
  assert.equal(nameTable.lookup("nowhere.example.test"), null);
});

Deno.test("tls-modes: an empty validation context verifies nothing, a named one does", () => {
  const snapshot = replay("tls-modes/sleep");
  const insecure = snapshot.cluster("outbound|8000|insecure|httpbin.default.svc.cluster.local");
  assert.ok(insecure?.transportSocket.kind === "tls");
  assert.deepEqual(insecure.transportSocket.context.validation, { trust: null, subjectAltNames: [] });
  assert.equal(insecure.transportSocket.context.sni, "");
  const simple = snapshot.cluster("outbound|80||partner.example.test");
  assert.ok(simple?.transportSocket.kind === "tls");
  assert.equal(simple.transportSocket.context.sni, "api.partner.example.test");
  assert.deepEqual(simple.transportSocket.context.validation?.trust, { kind: "system" });
  const mutual = snapshot.cluster("outbound|8443||partner.example.test");
  assert.ok(mutual?.transportSocket.kind === "tls");
  assert.deepEqual(mutual.transportSocket.context.certificates, [
    { kind: "file", chainPath: "/etc/certs/client.pem", keyPath: "/etc/certs/client-key.pem" },
  ]);
  assert.deepEqual(mutual.transportSocket.context.validation?.trust, {
    kind: "file",
    path: "/etc/certs/partner-ca.pem",
  });
  const plain = snapshot.cluster("outbound|8080||billing.legacy.svc.cluster.local");
  assert.equal(plain?.transportSocket.kind, "plaintext");
  assert.deepEqual(plain?.transportSocketMatches, []);
});

Deno.test("resilience: circuit breakers and outlier detection of a destination rule", () => {
  const name = NAMES.find((candidate) => candidate.startsWith("resilience/"))!;
  const snapshot = replay(name);
  const clusters = snapshot.clusterNames.map((cluster) => snapshot.cluster(cluster)!);
  const limited = clusters.find((cluster) => cluster.circuitBreakers.maxConnections < 1000);
  assert.ok(limited, `${name} has a cluster with limits`);
  assert.ok(clusters.some((cluster) => cluster.outlierDetection?.maxEjectionTimeMs === 300_000));
  assert.ok(clusters.some((cluster) => cluster.tcpKeepalive?.timeSeconds === 60));
  assert.ok(clusters.some((cluster) => cluster.circuitBreakers.retryBudget?.percent === 25));
});

Deno.test("hashing: consistent hash by header, cookie, source address and query parameter", () => {
  const kinds = new Set<string>();
  for (const name of NAMES.filter((candidate) => candidate.startsWith("hashing/"))) {
    const snapshot = replay(name);
    for (const route of snapshot.routeNames) {
      for (const { action } of snapshot.route(route)!.virtualHosts.flatMap((host) => host.routes)) {
        if (action.kind === "forward") action.hashPolicies.forEach((policy) => kinds.add(policy.kind));
      }
    }
    const policies = snapshot.clusterNames.map((cluster) => snapshot.cluster(cluster)!.loadBalancing);
    assert.ok(policies.some((policy) => policy.policy === "ring_hash" && policy.ringMinimumSize === 1024));
    assert.ok(policies.some((policy) => policy.policy === "maglev" && policy.maglevTableSize === 1021));
  }
  assert.deepEqual([...kinds].sort(), ["cookie", "header", "query_parameter", "source_ip"]);
});
