import assert from "node:assert/strict";
import { connectionManagerLayer } from "../../lib/filter/connection_manager_layer.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpConnectionManager } from "../../lib/resource/http_connection_manager.ts";
import { callOf, request } from "../support/calls.ts";

const MANAGER = {
  forwardClientCert: "append_forward",
  setCurrentClientCert: { subject: true, cert: false, chain: false, dns: true, uri: true },
  normalizePath: true,
  pathWithEscapedSlashes: "keep",
  headersWithUnderscores: "allow",
  generateRequestId: true,
  alwaysSetRequestIdInResponse: false,
  xffNumTrustedHops: 0,
  via: null,
  appendForwardedPort: false,
} as HttpConnectionManager;

async function pass(overrides: Parameters<typeof request>[0], settings: Partial<HttpConnectionManager> = {}) {
  const message = request(overrides);
  const answer = { status: 200, headers: new HeaderList(), body: null };
  const layer = connectionManagerLayer({ ...MANAGER, ...settings });
  const call = callOf(message);
  call.requestedAddress = "10.0.0.1:8080";
  const response = await layer(() => Promise.resolve(answer))(message, call);
  return { ...message, response, call };
}

Deno.test("connectionManagerLayer() adds a request id and the scheme, and keeps the caller's", async () => {
  const fresh = await pass({});
  assert.match(fresh.headers.get("x-request-id")!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/);
  assert.equal(fresh.headers.get("x-forwarded-proto"), "http");
  const given = await pass({ pairs: ["x-request-id", "mine", "x-forwarded-proto", "https"] });
  assert.deepEqual(given.headers.pairs, ["x-request-id", "mine", "x-forwarded-proto", "https"]);
});

Deno.test("connectionManagerLayer() gives no request id where it must not, and tells the caller of it where it must", async () => {
  assert.equal((await pass({}, { generateRequestId: false })).headers.has("x-request-id"), false);
  const told = await pass({ pairs: ["x-request-id", "mine"] }, { alwaysSetRequestIdInResponse: true });
  assert.equal(told.response.headers.get("x-request-id"), "mine");
});

Deno.test("connectionManagerLayer() takes the scheme of a request from the proxy in front of it", async () => {
  assert.equal((await pass({ pairs: ["x-forwarded-proto", "https"] })).scheme, "https");
  assert.equal((await pass({ pairs: ["x-forwarded-proto", "nonsense"] })).scheme, "http");
  assert.equal((await pass({ pairs: ["x-forwarded-proto", "https"], protocol: "HTTP/2" })).scheme, "http");
});

Deno.test("connectionManagerLayer() takes out headers that steer a proxy", async () => {
  const { headers } = await pass({ pairs: ["x-envoy-max-retries", "99", "x-envoy-upstream-rq-timeout-ms", "1"] });
  assert.equal(headers.get("x-envoy-max-retries"), undefined);
  assert.equal(headers.get("x-envoy-upstream-rq-timeout-ms"), undefined);
});

Deno.test("connectionManagerLayer() normalises the path and refuses an invalid one", async () => {
  assert.equal((await pass({ path: "/a/../b?c=.." })).path, "/b?c=..");
  await assert.rejects(pass({ path: "/a%00" }), /an escape that is not allowed: '\/a%00'/);
  await assert.rejects(pass({ path: "/a#b" }), /holds a fragment/);
});

Deno.test("connectionManagerLayer() redirects to the one form of a path", async () => {
  const { response } = await pass({ path: "/a%2Fb?c" }, { pathWithEscapedSlashes: "unescape_and_redirect" });
  assert.equal(response.status, 307);
  assert.equal(response.headers.get("location"), "/a/b?c");
});

Deno.test("connectionManagerLayer() strips the port of the host", async () => {
  assert.equal((await pass({ authority: "a:8080" }, { stripAnyHostPort: true })).authority, "a");
});

Deno.test("connectionManagerLayer() drops headers with underscores or refuses requests with one", async () => {
  const pairs = ["a_b", "1", "c", "2"];
  assert.equal((await pass({ pairs: [...pairs] })).headers.get("a_b"), "1");
  const dropped = await pass({ pairs: [...pairs] }, { headersWithUnderscores: "drop" });
  assert.equal(dropped.headers.get("a_b"), undefined);
  assert.equal(dropped.headers.get("c"), "2");
  await assert.rejects(pass({ pairs: [...pairs] }, { headersWithUnderscores: "reject" }), /has an underscore/);
});

Deno.test("connectionManagerLayer() takes out what the application says of a client certificate", async () => {
  const given = { pairs: ["x-forwarded-client-cert", "URI=spiffe://forged"] };
  assert.equal((await pass(given)).headers.get("x-forwarded-client-cert"), undefined);
});

Deno.test("connectionManagerLayer() takes the caller's address from the proxies in front", async () => {
  const pairs = ["x-forwarded-for", "1.2.3.4, 5.6.7.8"];
  const { call, headers } = await pass({ pairs });
  assert.equal(call.downstreamRemoteAddress, "5.6.7.8:0");
  assert.equal(call.remoteIp, "5.6.7.8");
  assert.equal(call.downstreamDirectRemoteAddress, null);
  assert.equal(headers.get("x-forwarded-for"), "1.2.3.4, 5.6.7.8");
  assert.equal((await pass({ pairs }, { xffNumTrustedHops: 1 })).call.remoteIp, "1.2.3.4");
  assert.equal((await pass({ pairs }, { xffNumTrustedHops: 2 })).call.remoteIp, null);
});

Deno.test("connectionManagerLayer() marks messages with via, and says the port where it is to", async () => {
  const marked = await pass({ pairs: ["via", "1.1 other"] }, { via: "proxy" });
  assert.equal(marked.headers.get("via"), "1.1 other, proxy");
  assert.equal(marked.response.headers.get("via"), "proxy");
  assert.equal((await pass({})).headers.has("via"), false);
  const appendForwardedPort = true;
  assert.equal((await pass({}, { appendForwardedPort })).headers.get("x-forwarded-port"), "8080");
  assert.equal(
    (await pass({ pairs: ["x-forwarded-port", "1"] }, { appendForwardedPort })).headers.get("x-forwarded-port"),
    "1",
  );
});
