import assert from "node:assert/strict";
import { connectionManagerLayer } from "../../lib/filter/connection_manager_layer.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpConnectionManager } from "../../lib/resource/http_connection_manager.ts";
import { callOf, request } from "../support/calls.ts";

const MANAGER = {
  forwardClientCert: "append_forward",
  setCurrentClientCert: { subject: true, cert: false, chain: false, dns: true, uri: true },
  normalizePath: true,
} as HttpConnectionManager;

async function pass(overrides: Parameters<typeof request>[0]) {
  const message = request(overrides);
  const answer = { status: 200, headers: new HeaderList(), body: null };
  await connectionManagerLayer(MANAGER)(() => Promise.resolve(answer))(message, callOf(message));
  return message;
}

Deno.test("connectionManagerLayer() adds a request id and the scheme, and keeps the caller's", async () => {
  const fresh = await pass({});
  assert.match(fresh.headers.get("x-request-id")!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/);
  assert.equal(fresh.headers.get("x-forwarded-proto"), "http");
  const given = await pass({ pairs: ["x-request-id", "mine", "x-forwarded-proto", "https"] });
  assert.deepEqual(given.headers.pairs, ["x-request-id", "mine", "x-forwarded-proto", "https"]);
});

Deno.test("connectionManagerLayer() takes out headers that steer a proxy", async () => {
  const { headers } = await pass({ pairs: ["x-envoy-max-retries", "99", "x-envoy-upstream-rq-timeout-ms", "1"] });
  assert.equal(headers.get("x-envoy-max-retries"), undefined);
  assert.equal(headers.get("x-envoy-upstream-rq-timeout-ms"), undefined);
});

Deno.test("connectionManagerLayer() normalises the path and refuses an invalid one", async () => {
  assert.equal((await pass({ path: "/a/../b?c=.." })).path, "/b?c=..");
  await assert.rejects(pass({ path: "/a%zz" }), /invalid escape: '\/a%zz'/);
});
