import assert from "node:assert/strict";
import {
  AGENT_STATUS_PATHS,
  isLoopback,
  PROMETHEUS_PATHS,
  READINESS_PATHS,
  statusHandler,
} from "../../lib/admin/status_handler.ts";
import { fakeAdminView } from "./fake_admin_view.ts";

const local = { remoteHostname: "127.0.0.1" };

Deno.test("each port answers its paths and no others", () => {
  const table: [Parameters<typeof statusHandler>[1], string, number][] = [
    [PROMETHEUS_PATHS, "/stats/prometheus", 200],
    [PROMETHEUS_PATHS, "/healthz/ready", 404],
    [READINESS_PATHS, "/healthz/ready", 200],
    [READINESS_PATHS, "/stats/prometheus", 404],
    [AGENT_STATUS_PATHS, "/stats/prometheus?usedonly", 200],
    [AGENT_STATUS_PATHS, "/healthz/ready", 200],
    [AGENT_STATUS_PATHS, "/config_dump", 404],
    [AGENT_STATUS_PATHS, "/", 404],
  ];
  for (const [paths, path, status] of table) {
    const response = statusHandler(fakeAdminView(), paths)(new Request(`http://10.0.0.1:15020${path}`), local);
    assert.equal(response.status, status, path);
  }
});

Deno.test("readiness is 200 without content, or 503 with the reason", async () => {
  const request = new Request("http://10.0.0.1:15021/healthz/ready");
  const ready = statusHandler(fakeAdminView(), READINESS_PATHS)(request, local);
  assert.deepEqual([ready.status, await ready.text()], [200, ""]);
  const view = fakeAdminView({ readiness: () => ({ ready: false, reason: "waiting for the first listeners" }) });
  const waiting = statusHandler(view, READINESS_PATHS)(request, local);
  assert.deepEqual([waiting.status, await waiting.text()], [
    503,
    "workload is not ready: waiting for the first listeners\n",
  ]);
});

Deno.test("metrics come with Prometheus' content type", async () => {
  const response = statusHandler(fakeAdminView(), PROMETHEUS_PATHS)(
    new Request("http://10.0.0.1:15090/stats/prometheus"),
    local,
  );
  assert.equal(response.headers.get("content-type"), "text/plain; charset=UTF-8");
  assert.equal(await response.text(), "# TYPE c counter\nc{} 1\n");
});

Deno.test("only this host may drain, and only by POST", () => {
  let drained = 0;
  const handler = statusHandler(fakeAdminView({ drain: () => drained++ }), AGENT_STATUS_PATHS);
  const post = new Request("http://127.0.0.1:15020/drain", { method: "POST" });
  assert.equal(handler(new Request("http://127.0.0.1:15020/drain"), local).status, 405);
  assert.equal(handler(post, { remoteHostname: "10.0.0.9" }).status, 403);
  assert.equal(drained, 0);
  assert.equal(handler(post, local).status, 200);
  assert.equal(drained, 1);
});

Deno.test("knows the addresses of this host", () => {
  for (const address of ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]) assert.ok(isLoopback(address), address);
  for (const address of ["10.0.0.1", "128.0.0.1", "::2", "", "1127.0.0.1"]) assert.ok(!isLoopback(address), address);
});
