import assert from "node:assert/strict";
import { adminHandler } from "../../lib/admin/admin_handler.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { AdjustableLogger } from "../../lib/internal/adjustable_logger.ts";
import { packAny } from "../../lib/protobuf/registry.ts";
import { bytesOf, fakeAdminView, STAMP } from "./fake_admin_view.ts";

const local = { remoteHostname: "::1" };
const clock = new FakeClock(Date.UTC(2026, 0, 1));

function get(path: string, view = fakeAdminView(), method = "GET"): Response {
  return adminHandler(view, clock)(new Request(`http://localhost:15000${path}`, { method }), local);
}

Deno.test("shows configuration to this host only", () => {
  const handler = adminHandler(fakeAdminView(), clock);
  assert.equal(handler(new Request("http://localhost:15000/config_dump"), { remoteHostname: "10.0.0.9" }).status, 403);
  assert.equal(handler(new Request("http://evil.example:15000/config_dump"), local).status, 403, "DNS rebinding");
  assert.equal(handler(new Request("http://[::1]:15000/config_dump"), local).status, 200);
  assert.equal(get("/config_dump", fakeAdminView(), "POST").status, 405);
  assert.equal(get("/nope").status, 404);
});

Deno.test("dumps the configuration in the sections that istioctl reads, without keys", async () => {
  const text = await get("/config_dump?include_eds=true").text();
  const { configs } = JSON.parse(text);
  assert.deepEqual(
    configs.map((section: { "@type": string }) => section["@type"].replace("type.googleapis.com/envoy.admin.v3.", "")),
    [
      "BootstrapConfigDump",
      "ClustersConfigDump",
      "EndpointsConfigDump",
      "ListenersConfigDump",
      "RoutesConfigDump",
      "SecretsConfigDump",
    ],
  );
  assert.equal(configs[0].bootstrap.node.cluster, "sleep.default");
  assert.deepEqual(configs[1].dynamic_active_clusters, [{
    version_info: "v7",
    cluster: { "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "cluster-1" },
    last_updated: "2026-01-01T00:00:00.000Z",
  }]);
  assert.equal(configs[3].dynamic_listeners[0].active_state.listener.name, "listener-1");
  assert.equal(
    atob(configs[5].dynamic_active_secrets[0].secret.tls_certificate.private_key.inline_bytes),
    "[redacted]",
  );
  assert.ok(configs[5].dynamic_active_secrets[1].secret.validation_context.trusted_ca.inline_bytes);
  assert.equal(JSON.parse(await get("/config_dump").text()).configs.length, 5, "endpoints only when asked for");
});

Deno.test("shows clusters as text and as JSON", async () => {
  assert.equal(
    await get("/clusters").text(),
    `outbound|80||cart::observability_name::outbound|80||cart;
outbound|80||cart::outlier::success_rate_average::-1
outbound|80||cart::outlier::success_rate_ejection_threshold::-1
outbound|80||cart::outlier::local_origin_success_rate_average::-1
outbound|80||cart::outlier::local_origin_success_rate_ejection_threshold::-1
outbound|80||cart::default_priority::max_connections::1024
outbound|80||cart::default_priority::max_pending_requests::1024
outbound|80||cart::default_priority::max_requests::1024
outbound|80||cart::default_priority::max_retries::3
outbound|80||cart::high_priority::max_connections::1024
outbound|80||cart::high_priority::max_pending_requests::1024
outbound|80||cart::high_priority::max_requests::1024
outbound|80||cart::high_priority::max_retries::3
outbound|80||cart::added_via_api::true
outbound|80||cart::eds_service_name::outbound|80||cart
outbound|80||cart::[2001:db8::1]:80::cx_active::1
outbound|80||cart::[2001:db8::1]:80::cx_total::0
outbound|80||cart::[2001:db8::1]:80::rq_total::5
outbound|80||cart::[2001:db8::1]:80::hostname::
outbound|80||cart::[2001:db8::1]:80::health_flags::/failed_outlier_check
outbound|80||cart::[2001:db8::1]:80::weight::1
outbound|80||cart::[2001:db8::1]:80::region::r
outbound|80||cart::[2001:db8::1]:80::zone::
outbound|80||cart::[2001:db8::1]:80::sub_zone::
outbound|80||cart::[2001:db8::1]:80::canary::false
outbound|80||cart::[2001:db8::1]:80::priority::0
outbound|80||cart::[2001:db8::1]:80::success_rate::-1
outbound|80||cart::[2001:db8::1]:80::local_origin_success_rate::-1
`,
  );
  const { cluster_statuses: [cluster] } = JSON.parse(await get("/clusters?format=json").text());
  assert.deepEqual(cluster.host_statuses[0], {
    address: { socket_address: { address: "2001:db8::1", port_value: 80 } },
    stats: [{ name: "cx_total" }, { value: "5", name: "rq_total" }, { type: "GAUGE", value: "1", name: "cx_active" }],
    health_status: { failed_outlier_check: true, eds_health_status: "HEALTHY" },
    weight: 1,
    locality: { region: "r" },
  });
});

Deno.test("shows what outlier detection and health checks know of a cluster", async () => {
  const [cluster] = [...fakeAdminView().clusters()];
  const host = {
    ...cluster!.hosts[0]!,
    healthFlags: ["failed_active_hc", "failed_eds_health", "active_hc_timeout"],
    successRate: 97.5,
    localOriginSuccessRate: 100,
  };
  const outlier = { external: { average: 550 / 6, threshold: 52 }, local: { average: -1, threshold: -1 } };
  const view = fakeAdminView({ clusters: () => [{ ...cluster!, outlier, hosts: [host] }] });
  const text = await get("/clusters", view).text();
  for (
    const line of [
      "outlier::success_rate_average::91.6667",
      "outlier::success_rate_ejection_threshold::52",
      "outlier::local_origin_success_rate_average::-1",
      "outlier::local_origin_success_rate_ejection_threshold::-1",
      "[2001:db8::1]:80::health_flags::/failed_active_hc/failed_eds_health/active_hc_timeout",
      "[2001:db8::1]:80::success_rate::97.5",
      "[2001:db8::1]:80::local_origin_success_rate::100",
    ]
  ) assert.ok(text.includes(`outbound|80||cart::${line}\n`), `${line} is not in\n${text}`);
  const { cluster_statuses: [status] } = JSON.parse(await get("/clusters?format=json", view).text());
  assert.deepEqual(status.success_rate_ejection_threshold, { value: 52 });
  assert.equal(status.local_origin_success_rate_ejection_threshold, undefined);
  const [shown] = status.host_statuses;
  assert.deepEqual(shown.health_status, {
    failed_active_health_check: true,
    active_hc_timeout: true,
    eds_health_status: "UNHEALTHY",
  });
  assert.deepEqual([shown.success_rate, shown.local_origin_success_rate], [{ value: 97.5 }, { value: 100 }]);
});

Deno.test("shows certificates", async () => {
  assert.deepEqual(JSON.parse(await get("/certs").text()), {
    certificates: [{
      ca_cert: [{
        path: "<inline>",
        serial_number: "01",
        subject_alt_names: [{ dns: "ca" }],
        days_until_expiration: "3652",
        valid_from: "2026-01-01T00:00:00Z",
        expiration_time: "2036-01-01T00:00:00Z",
      }],
      cert_chain: [{
        path: "<inline>",
        serial_number: "ab12",
        subject_alt_names: [{ uri: "spiffe://cluster.local/ns/default/sa/sleep" }],
        days_until_expiration: "1",
        valid_from: "2026-01-01T00:00:00Z",
        expiration_time: "2026-01-02T12:00:00Z",
      }],
    }],
  });
});

Deno.test("tells its state", async () => {
  assert.equal(await get("/ready").text(), "LIVE\n");
  const waiting = get("/ready", fakeAdminView({ readiness: () => ({ ready: false, reason: "x" }) }));
  assert.deepEqual([waiting.status, await waiting.text()], [503, "PRE_INITIALIZING\n"]);
  const info = JSON.parse(await get("/server_info").text());
  assert.deepEqual([info.version, info.state, info.uptime_current_epoch], ["enmesh/0.1.0", "LIVE", "61s"]);
  assert.match(await get("/help").text(), /\/config_dump/);
  assert.equal(await get("/stats/prometheus").text(), "# TYPE c counter\nc{} 1\n");
});

Deno.test("drains on POST", () => {
  let drained = 0;
  const view = fakeAdminView({ drain: () => drained++ });
  assert.equal(get("/drain", view).status, 405);
  assert.equal(get("/drain", view, "POST").status, 200);
  assert.equal(drained, 1);
});

async function configs(query: string, view = fakeAdminView()): Promise<Record<string, unknown>[]> {
  const response = get(`/config_dump?${query}`, view);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text).configs;
}

Deno.test("config_dump: one list, some fields, some names", async () => {
  const type = (name: string) => `type.googleapis.com/${name}`;
  assert.deepEqual(await configs("resource=dynamic_active_clusters&mask=cluster.name,version_info"), [{
    "@type": type("envoy.admin.v3.ClustersConfigDump.DynamicCluster"),
    version_info: "v7",
    cluster: { "@type": type("envoy.config.cluster.v3.Cluster"), name: "cluster-1" },
  }]);
  assert.deepEqual(await configs("resource=dynamic_listeners&mask=name"), [{
    "@type": type("envoy.admin.v3.ListenersConfigDump.DynamicListener"),
    name: "listener-1",
  }]);
  assert.deepEqual(await configs("mask=bootstrap.node.id"), [{
    "@type": type("envoy.admin.v3.BootstrapConfigDump"),
    bootstrap: { node: { id: "sidecar~10.0.0.1~sleep.default~default.svc.cluster.local" } },
  }]);
  const [only, ...none] = await configs("mask=dynamic_active_clusters");
  assert.deepEqual([Object.keys(only!), none], [["@type", "dynamic_active_clusters"], []]);
  assert.equal((await configs("resource=dynamic_route_configs&name_regex=route-.")).length, 1);
  assert.equal((await configs("resource=dynamic_route_configs&name_regex=rout")).length, 0, "the whole name");
  assert.equal((await configs("resource=static_clusters")).length, 0);
});

Deno.test("config_dump: what cannot be dumped, in Envoy's words", async () => {
  const cases: [string, number, RegExp][] = [
    ["resource=foo", 404, /^foo not found in config dump$/],
    ["resource=dynamic_endpoint_configs", 404, /not found/],
    ["resource=bootstrap", 400, /^bootstrap is not a repeated field\. Use \?mask=bootstrap to get only this field$/],
    ["mask=foo", 400, /^FieldMask foo could not be successfully applied to any configs\.$/],
    ["mask=dynamic_active_clusters.version_info", 400, /could not be successfully applied/],
    ["resource=dynamic_active_clusters&mask=cluster.nope", 400, /could not be successfully used/],
    ["name_regex=(", 400, /^INVALID_ARGUMENT: Error while parsing name_regex from \(: /],
  ];
  for (const [query, status, message] of cases) {
    const response = get(`/config_dump?${query}`);
    assert.equal(response.status, status, query);
    assert.match(await response.text(), message);
  }
});

Deno.test("config_dump: what is warming, what was refused, and what the control plane was told", async () => {
  const message = "envoy.config.listener.v3.Listener";
  const bytes = (name: string) => bytesOf(message, { name });
  const failure = { errors: ["Cannot use 'a'", "Cannot use 'b'"], stamp: STAMP, bytes: bytes("bad") };
  const view = fakeAdminView({
    resources: (kind) =>
      kind !== "listener" ? [] : [
        {
          name: "l",
          active: { bytes: bytes("l"), stamp: STAMP },
          warming: { bytes: bytes("l"), stamp: STAMP },
          failure,
        },
        { name: "never", active: null, warming: null, failure: { ...failure, bytes: new Uint8Array([0xff]) } },
      ],
  });
  const [first, second] = await configs("resource=dynamic_listeners", view) as unknown as {
    active_state?: object;
    warming_state?: object;
    client_status: string;
    error_state: { details: string; failed_configuration: Record<string, string> };
  }[];
  assert.ok(first!.active_state !== undefined && first!.warming_state !== undefined);
  assert.equal(first!.error_state.details, "Cannot use 'a'; Cannot use 'b'");
  assert.equal(first!.error_state.failed_configuration.name, "bad");
  assert.equal(second!.active_state, undefined);
  assert.equal(second!.error_state.failed_configuration.value, "/w==", "bytes that are no message stay bytes");
  assert.equal(second!.client_status, "NACKED");
});

Deno.test("config_dump: keys inside of clusters are left out", async () => {
  const key = new TextEncoder().encode("very private");
  const context = packAny("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
    commonTlsContext: { tlsCertificates: [{ privateKey: { inlineBytes: key }, password: { inlineString: "secret" } }] },
  });
  const bytes = bytesOf("envoy.config.cluster.v3.Cluster", {
    name: "c",
    transportSocket: { name: "tls", typedConfig: context },
  });
  const view = fakeAdminView({
    resources: () => [{ name: "c", active: { bytes, stamp: STAMP }, warming: null, failure: null }],
  });
  const text = await get("/config_dump?resource=dynamic_active_clusters", view).text();
  assert.match(text, new RegExp(`"inline_bytes": "${btoa("[redacted]")}"`));
  assert.match(text, /"inline_string": "\[redacted\]"/);
  assert.ok(!text.includes(key.toBase64()));
});

Deno.test("endpoints are shown with their health, as they are used", async () => {
  const [section] = await configs("include_eds&mask=dynamic_endpoint_configs");
  assert.deepEqual(section!.dynamic_endpoint_configs, [{
    endpoint_config: {
      "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
      cluster_name: "outbound|80||cart",
      endpoints: [{
        locality: { region: "r" },
        lb_endpoints: [{
          endpoint: {
            address: { socket_address: { address: "2001:db8::1", port_value: 80 } },
            health_check_config: {},
          },
          health_status: "UNHEALTHY",
          metadata: { filter_metadata: { istio: { workload: "cart" } } },
          load_balancing_weight: 1,
        }],
        load_balancing_weight: 3,
      }],
      policy: { overprovisioning_factor: 140 },
    },
  }]);
});

Deno.test("shows listeners as text and as JSON", async () => {
  assert.equal(await get("/listeners").text(), "l::0.0.0.0:80\nl::[::1]:81\n");
  assert.deepEqual(JSON.parse(await get("/listeners?format=json").text()), {
    listener_statuses: [{
      name: "l",
      local_address: { socket_address: { address: "0.0.0.0", port_value: 80 } },
      additional_local_addresses: [{ socket_address: { address: "::1", port_value: 81 } }],
    }],
  });
});

Deno.test("shows statistics: filtered, used ones only, in three formats", async () => {
  assert.equal(
    await get("/stats").text(),
    "c: 1\ncluster_manager.warming_clusters: 0\nserver.live: 1\n",
  );
  assert.equal(await get("/stats?filter=^server").text(), "server.live: 1\n");
  assert.equal(await get("/stats?usedonly&filter=cluster").text(), "");
  assert.deepEqual(JSON.parse(await get("/stats?format=json&filter=live").text()), {
    stats: [{ name: "server.live", value: 1 }],
  });
  assert.equal(await get("/stats?format=prometheus").text(), "# TYPE c counter\nc{} 1\n");
  assert.equal(await get("/stats/prometheus?filter=nothing").text(), "");
  const bad = get("/stats?filter=xx(");
  assert.deepEqual([bad.status, /^Invalid re2 regex: /.test(await bad.text())], [400, true]);
  assert.equal(get("/stats?format=html").status, 400);
});

Deno.test("filters clusters by name", async () => {
  assert.equal(await get("/clusters?filter=shop").text(), "");
  assert.match(await get("/clusters?filter=cart$").text(), /^outbound/);
  assert.equal(get("/clusters?filter=(").status, 400);
});

Deno.test("tells and changes how much is logged", async () => {
  const lines: string[] = [];
  const logging = new AdjustableLogger({ log: (_, message) => void lines.push(message) }, "info");
  const view = fakeAdminView({ logging });
  const post = async (query: string) => {
    const response = get(`/logging${query}`, view, "POST");
    return [response.status, (await response.text()).split("\n")[1]];
  };
  logging.log("debug", "before");
  assert.deepEqual(await post(""), [200, "  enmesh: info"]);
  assert.deepEqual(await post("?level=debug"), [200, "  enmesh: debug"]);
  logging.log("debug", "after");
  assert.deepEqual(await post("?paths=enmesh:off"), [200, "  enmesh: off"]);
  logging.log("error", "off");
  assert.deepEqual(lines, ["after"]);
  assert.equal((await post("?level=loud"))[0], 400);
  assert.equal(get("/logging", view).status, 405);
  assert.equal(get("/logging", fakeAdminView(), "POST").status, 501);
});

Deno.test("shows memory, and that there is no runtime layer", async () => {
  const memory = JSON.parse(await get("/memory").text());
  assert.ok(Number(memory.allocated) > 0 && typeof memory.allocated === "string");
  assert.deepEqual(JSON.parse(await get("/runtime").text()), { entries: {}, layers: [] });
});
