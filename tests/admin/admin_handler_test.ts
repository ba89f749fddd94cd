import assert from "node:assert/strict";
import { adminHandler } from "../../lib/admin/admin_handler.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { fakeAdminView } from "./fake_admin_view.ts";

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
    cluster: { "@type": "type.googleapis.com/cluster", name: "cluster-1" },
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
    `outbound|80||cart::observability_name::outbound|80||cart
outbound|80||cart::default_priority::max_connections::1024
outbound|80||cart::default_priority::max_pending_requests::1024
outbound|80||cart::default_priority::max_requests::1024
outbound|80||cart::default_priority::max_retries::3
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
outbound|80||cart::[2001:db8::1]:80::priority::0
outbound|80||cart::[2001:db8::1]:80::success_rate::-1
outbound|80||cart::[2001:db8::1]:80::local_origin_success_rate::-1
`,
  );
  const { cluster_statuses: [cluster] } = JSON.parse(await get("/clusters?format=json").text());
  assert.deepEqual(cluster.host_statuses[0], {
    address: { socket_address: { address: "2001:db8::1", port_value: 80 } },
    stats: [{ type: "GAUGE", value: "1", name: "cx_active" }, { name: "cx_total" }, { value: "5", name: "rq_total" }],
    health_status: { failed_outlier_check: true, eds_health_status: "HEALTHY" },
    weight: 1,
    locality: { region: "r" },
  });
});

Deno.test("shows what outlier detection and health checks know of a cluster", async () => {
  const [cluster] = fakeAdminView().clusters();
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
