/** Active health checks of a cluster, on a fake network and a fake clock. */
import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import type { HttpHealthCheck } from "../../lib/resource/health_check.ts";
import { UpstreamAttempt } from "../../lib/upstream/upstream_attempt.ts";
import { UpstreamCluster } from "../../lib/upstream/upstream_cluster.ts";
import {
  cluster,
  endpoint,
  healthCheck,
  loadAssignment,
  loadBalancing,
  locality,
  outlierDetection,
} from "../support/resource_objects.ts";
import { FakeUpstream, type Received, request, turn } from "./fake_upstream.ts";

const A = endpoint("10.0.0.1", 8080);
const B = endpoint("10.0.0.2", 8080);
const CHECKED = cluster({ healthCheck: healthCheck(), loadBalancing: loadBalancing({ policy: "round_robin" }) });

/** What hosts answer to checks and to traffic. */
class Servers {
  readonly fake: FakeUpstream;
  /** Status of `/healthz` by address; hosts not here answer 200, 0 never answers. */
  readonly health = new Map<string, number>();
  readonly headers = new Map<string, string[]>();
  readonly checks: Received[] = [];
  readonly traffic: string[] = [];

  constructor(definition = CHECKED, endpoints = [A, B]) {
    this.fake = new FakeUpstream({
      clusters: [definition],
      assignments: [loadAssignment([locality(endpoints)])],
    });
    this.fake.onRequest = (received) => {
      const { hostname } = received.connection.info.remote;
      if (received.request.path !== "/healthz") {
        this.traffic.push(hostname);
        return received.answer(200, this.headers.get(hostname));
      }
      this.checks.push(received);
      const status = this.health.get(hostname) ?? 200;
      if (status !== 0) received.answer(status, this.headers.get(`${hostname}/healthz`));
    };
  }

  get target(): UpstreamCluster {
    const target = this.fake.manager.target("backend");
    assert.ok(target instanceof UpstreamCluster);
    return target;
  }

  send() {
    return this.target.send(request(), new UpstreamAttempt());
  }

  flags() {
    return Object.fromEntries([...this.target.hosts()].map((host) => [host.endpoint.address, host.healthFlags.join()]));
  }

  /** Sends some requests and tells who got them. */
  async served(count = 6): Promise<string[]> {
    this.traffic.length = 0;
    for (let i = 0; i < count; i++) await this.send();
    return [...new Set(this.traffic)].sort();
  }

  close() {
    this.fake.manager.close();
    assert.equal(this.fake.clock.pendingTimers, 0, "a closed cluster has no timers");
    assert.ok(this.fake.connections.every(({ state }) => state === "closed"));
  }
}

Deno.test("Requests wait for the first round of checks and go to who passed it", async () => {
  const servers = new Servers();
  servers.health.set("10.0.0.1", 503);
  const response = servers.send();
  assert.deepEqual(servers.flags(), { "10.0.0.1": "failed_active_hc", "10.0.0.2": "failed_active_hc" });
  assert.equal((await response).status, 200);
  assert.deepEqual(servers.traffic, ["10.0.0.2"]);
  assert.deepEqual(servers.flags(), { "10.0.0.1": "failed_active_hc", "10.0.0.2": "" });
  const [check] = servers.checks;
  assert.equal(check!.request.authority, "backend");
  assert.equal(check!.request.headers.get("user-agent"), "Envoy/HC");
  servers.close();
});

Deno.test("A cluster none of whose hosts passes answers UH, after the time-out at the latest", async () => {
  const servers = new Servers();
  servers.health.set("10.0.0.1", 0);
  servers.health.set("10.0.0.2", 500);
  const response = servers.send();
  const refused = assert.rejects(
    response,
    (error) => error instanceof MeshError && error.code === "NO_HEALTHY_UPSTREAM",
  );
  await servers.fake.clock.advance(500);
  await refused;
  assert.deepEqual(servers.flags(), {
    "10.0.0.1": "failed_active_hc,active_hc_timeout",
    "10.0.0.2": "failed_active_hc",
  });
  servers.close();
});

Deno.test("Hosts leave when they fail and come back when they pass", async () => {
  const servers = new Servers();
  assert.deepEqual(await servers.served(), ["10.0.0.1", "10.0.0.2"]);
  servers.health.set("10.0.0.1", 500);
  await servers.fake.clock.advance(1000);
  assert.deepEqual(await servers.served(), ["10.0.0.2"]);
  servers.health.delete("10.0.0.1");
  await servers.fake.clock.advance(1000);
  assert.deepEqual(await servers.served(), ["10.0.0.1", "10.0.0.2"]);
  const connections = new Set(servers.checks.map(({ connection }) => connection));
  assert.equal(connections.size, 2, "a connection for each host, used again");
  servers.close();
});

Deno.test("Connect failures count as failures, and a host can come back from them", async () => {
  const servers = new Servers(cluster({ healthCheck: healthCheck({ unhealthyThreshold: 2, reuseConnection: false }) }));
  await servers.send();
  servers.fake.refusing.add("10.0.0.1:8080");
  await servers.fake.clock.advance(1000);
  assert.equal(servers.flags()["10.0.0.1"], "", "one network failure is not enough");
  await servers.fake.clock.advance(1000);
  assert.equal(servers.flags()["10.0.0.1"], "failed_active_hc");
  servers.fake.refusing.clear();
  await servers.fake.clock.advance(1000);
  assert.equal(servers.flags()["10.0.0.1"], "");
  servers.close();
});

Deno.test("Without traffic checks are rare", async () => {
  const servers = new Servers();
  assert.deepEqual(Object.keys(servers.flags()), ["10.0.0.1", "10.0.0.2"]);
  await servers.fake.clock.advance(59_000);
  assert.equal(servers.checks.length, 2);
  await servers.fake.clock.advance(1000);
  assert.equal(servers.checks.length, 4);
  servers.close();
});

Deno.test("A new host takes no traffic before its first check, and waits for nothing else", async () => {
  const servers = new Servers(CHECKED, [A]);
  await servers.send();
  servers.health.set("10.0.0.2", 0);
  servers.fake.push({ assignments: [loadAssignment([locality([A, B])])] });
  assert.deepEqual(await servers.served(), ["10.0.0.1"]);
  servers.health.delete("10.0.0.2");
  await servers.fake.clock.advance(1500);
  assert.deepEqual(await servers.served(), ["10.0.0.1", "10.0.0.2"]);
  servers.close();
});

Deno.test("A new host may be left out of account until its first check", async () => {
  const servers = new Servers(cluster({ healthCheck: healthCheck({ ignoreNewHosts: true }) }), [A]);
  await servers.send();
  servers.health.set("10.0.0.2", 0);
  servers.fake.push({ assignments: [loadAssignment([locality([A, B])])] });
  assert.equal(servers.flags()["10.0.0.2"], "failed_active_hc,pending_active_hc");
  assert.deepEqual([...servers.target.hosts()].map(({ excluded }) => excluded), [false, true]);
  await servers.fake.clock.advance(500);
  assert.equal(servers.flags()["10.0.0.2"], "failed_active_hc,active_hc_timeout");
  assert.deepEqual([...servers.target.hosts()].map(({ excluded }) => excluded), [false, false]);
  servers.close();
});

Deno.test("A host that is gone from its assignment stays for as long as it passes", async () => {
  const servers = new Servers();
  await servers.send();
  servers.fake.push({ assignments: [loadAssignment([locality([A])])] });
  assert.deepEqual(servers.flags(), { "10.0.0.1": "", "10.0.0.2": "pending_dynamic_removal" });
  assert.deepEqual(await servers.served(), ["10.0.0.1", "10.0.0.2"]);
  servers.health.set("10.0.0.2", 500);
  await servers.fake.clock.advance(1000);
  assert.deepEqual(servers.flags(), { "10.0.0.1": "" });
  assert.deepEqual(await servers.served(), ["10.0.0.1"]);
  servers.close();
});

Deno.test("A host that is gone comes back in time, or goes at once where health does not keep it", async () => {
  const servers = new Servers();
  await servers.send();
  servers.fake.push({ assignments: [loadAssignment([locality([A])])] });
  servers.fake.push({ assignments: [loadAssignment([locality([A, B])])] });
  assert.deepEqual(servers.flags(), { "10.0.0.1": "", "10.0.0.2": "" });
  servers.close();
  const strict = new Servers(cluster({ healthCheck: healthCheck(), ignoreHealthOnHostRemoval: true }));
  await strict.send();
  strict.fake.push({ assignments: [loadAssignment([locality([A])])] });
  assert.deepEqual(strict.flags(), { "10.0.0.1": "" });
  strict.close();
});

Deno.test("An endpoint has its checks elsewhere, under another name, or none", async () => {
  const elsewhere = { address: null, port: 9000, hostname: "probe", disabled: false };
  const servers = new Servers(CHECKED, [
    endpoint("10.0.0.1", 8080, { healthCheck: elsewhere }),
    endpoint("10.0.0.2", 8080, { healthCheck: { ...elsewhere, disabled: true } }),
  ]);
  await servers.send();
  assert.deepEqual(
    servers.checks.map(({ request, connection }) => `${request.authority} ${connection.info.remote.port}`),
    ["probe 9000"],
  );
  assert.deepEqual(await servers.served(), ["10.0.0.1", "10.0.0.2"]);
  servers.fake.push({ assignments: [loadAssignment([locality([A, B])])] });
  await turn();
  assert.deepEqual(servers.checks.slice(1).map(({ connection }) => connection.info.remote.port), [8080, 8080]);
  servers.close();
});

Deno.test("An answer to ordinary traffic can take a host out", async () => {
  const servers = new Servers();
  await servers.send();
  servers.headers.set("10.0.0.1", ["x-envoy-immediate-health-check-fail", "true"]);
  await servers.served(2);
  assert.equal(servers.flags()["10.0.0.1"], "failed_active_hc,excluded_via_immediate_hc_fail");
  assert.deepEqual(await servers.served(), ["10.0.0.2"]);
  servers.headers.clear();
  await servers.fake.clock.advance(1000);
  assert.deepEqual(await servers.served(), ["10.0.0.1", "10.0.0.2"]);
  servers.close();
});

Deno.test("A degraded host is used when the others fail", async () => {
  const servers = new Servers(CHECKED, [A, B, endpoint("10.0.0.3", 8080), endpoint("10.0.0.4", 8080)]);
  servers.headers.set("10.0.0.1/healthz", ["x-envoy-degraded", ""]);
  assert.deepEqual(await servers.served(12), ["10.0.0.2", "10.0.0.3", "10.0.0.4"]);
  assert.equal(servers.flags()["10.0.0.1"], "degraded_active_hc");
  for (const other of ["10.0.0.2", "10.0.0.3", "10.0.0.4"]) servers.health.set(other, 500);
  await servers.fake.clock.advance(1000);
  assert.deepEqual(await servers.served(), ["10.0.0.1"]);
  servers.close();
});

Deno.test("A passed check puts an ejected host back", async () => {
  const servers = new Servers(cluster({
    healthCheck: healthCheck(),
    outlierDetection: outlierDetection({ consecutive5xx: 1, maxEjectionPercent: 100 }),
  }));
  await servers.send();
  servers.target.outliers!.onResponse([...servers.target.hosts()][0]!, 500);
  assert.equal(servers.flags()["10.0.0.1"], "failed_outlier_check");
  await servers.fake.clock.advance(1000);
  assert.equal(servers.flags()["10.0.0.1"], "");
  servers.close();
});

Deno.test("Status, content and service name decide", async () => {
  const what = healthCheck().what as HttpHealthCheck;
  const ask = async (overrides: Partial<HttpHealthCheck>, status: number, headers: string[] = [], body = "") => {
    const servers = new Servers(cluster({ healthCheck: healthCheck({ what: { ...what, ...overrides } }) }), [A]);
    servers.fake.onRequest = (received) =>
      received.request.path === "/healthz" ? received.answer(status, headers, body) : received.answer();
    const healthy = await servers.send().then(() => true, () => false);
    servers.close();
    return healthy;
  };
  const ok = [new TextEncoder().encode("ok")];
  const name = { kind: "prefix", value: "shop", ignoreCase: false } as const;
  assert.equal(await ask({}, 200), true);
  assert.equal(await ask({}, 204), false);
  assert.equal(await ask({ expectedStatuses: [{ start: 200, end: 205 }] }, 204), true);
  assert.equal(await ask({ expectedStatuses: [{ start: 200, end: 204 }] }, 204), false, "the end is excluded");
  assert.equal(await ask({ receive: ok }, 200, [], "all ok"), true);
  assert.equal(await ask({ receive: ok }, 200, [], "all is well"), false);
  assert.equal(await ask({ receive: ok, responseBufferSize: 5 }, 200, [], "all ok"), false, "beyond the buffer");
  assert.equal(await ask({ serviceName: name }, 200, ["x-envoy-upstream-healthchecked-cluster", "shop-1"]), true);
  assert.equal(await ask({ serviceName: name }, 200), false);
});

Deno.test("Checks go over the transport of traffic, or over one of their own", async () => {
  const tls = (sni: string) => ({
    kind: "tls" as const,
    context: {
      sni,
      alpn: ["istio"],
      certificates: [],
      validation: null,
      autoSni: false,
      autoSanValidation: false,
      minVersion: null,
      maxVersion: null,
      requireClientCertificate: false,
    },
  });
  const mutual = endpoint("10.0.0.1", 8080, { metadata: { "envoy.transport_socket_match": { tlsMode: "istio" } } });
  const snis = async (overrides: Parameters<typeof healthCheck>[0]) => {
    const servers = new Servers(
      cluster({
        healthCheck: healthCheck(overrides),
        transportSocketMatches: [
          { name: "istio", match: { tlsMode: "istio" }, socket: tls("mesh") },
          { name: "check", match: { purpose: "check" }, socket: tls("check") },
        ],
      }),
      [mutual, B],
    );
    await servers.send();
    const [one, two] = servers.fake.targets.map(({ tls }) => tls === null ? "plaintext" : `${tls.sni} ${tls.alpn}`);
    servers.close();
    return [one, two];
  };
  assert.deepEqual(await snis({}), ["mesh istio", "plaintext"]);
  assert.deepEqual(await snis({ alpn: ["h2"] }), ["mesh h2", "plaintext"]);
  const transportSocketMatch = { purpose: "check" };
  assert.deepEqual(await snis({ transportSocketMatch }), ["check istio", "check istio"]);
});

Deno.test("A new configuration answers what waited on the old one", async () => {
  const servers = new Servers();
  servers.health.set("10.0.0.1", 0);
  const response = servers.send();
  servers.fake.push({ clusters: [cluster({ healthCheck: healthCheck({ intervalMs: 2000 }) })] });
  await servers.fake.clock.advance(500);
  assert.equal((await response).status, 200);
  servers.close();
});
