import assert from "node:assert/strict";
import { BytesBody } from "../../lib/http/body.ts";
import type { Call } from "../../lib/http/call.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest } from "../../lib/http/message.ts";
import type { InternalRedirectPolicy } from "../../lib/resource/route.ts";
import { followRedirect } from "../../lib/router/internal_redirect.ts";
import { callOf, request } from "../support/calls.ts";
import { route, virtualHost } from "../support/resource_objects.ts";

const POLICY: InternalRedirectPolicy = {
  maxRedirects: 1,
  statuses: [302],
  allowCrossScheme: false,
  responseHeadersToCopy: [],
  predicates: [],
};

/** A call whose routes are named for the first segment of the path; none for `/none`. */
function callFor(message: HttpRequest): Call {
  const call = callOf(message);
  const choose = () => {
    const name = message.path.split(/[/?]/)[1]!;
    call.chosen = name === "none" ? null : { virtualHost: virtualHost(), route: route({ name }), clusterName: "c" };
  };
  call.onClearRouteCache = choose;
  choose();
  return call;
}

function follow(
  location: string,
  policy: Partial<InternalRedirectPolicy> = {},
  message: HttpRequest = request({ path: "/start?q=1" }),
  status = 302,
  more: string[] = [],
) {
  const call = callFor(message);
  const headers = new HeaderList(["location", location, ...more]);
  return { followed: followRedirect({ ...POLICY, ...policy }, message, call, status, headers), message, call };
}

Deno.test("followRedirect() turns the request into the one the redirect asks for", () => {
  const { followed, message, call } = follow("http://other.example:81/next?x=y#part");
  assert.equal(followed, true);
  assert.deepEqual([message.authority, message.path, message.scheme], ["other.example:81", "/next?x=y", "http"]);
  assert.equal(message.headers.get("x-envoy-original-url"), "http://reviews.default/start?q=1");
  assert.deepEqual([call.chosen?.route.name, call.internalRedirects], ["next", 1]);
});

Deno.test("followRedirect() leaves everything as it was where it does not follow", () => {
  const table: [string, Partial<InternalRedirectPolicy>][] = [
    ["", {}],
    ["/relative", {}],
    ["http://a b/", {}],
    ["https://other.example/next", {}],
    ["http://other.example/none", {}],
    ["http://other.example/next", { maxRedirects: 0 }],
    ["http://other.example/next", { predicates: [{ kind: "allow_listed_routes", routes: ["other"] }] }],
    ["https://other.example/next", { allowCrossScheme: true, predicates: [{ kind: "safe_cross_scheme" }] }],
  ];
  for (const [location, policy] of table) {
    const { followed, message, call } = follow(location, policy);
    assert.equal(followed, false, location);
    assert.deepEqual([message.path, message.authority, message.scheme, message.headers.size], [
      "/start?q=1",
      "reviews.default",
      "http",
      0,
    ]);
    assert.deepEqual([call.chosen?.route.name, call.internalRedirects], ["start", 0]);
  }
});

Deno.test("followRedirect() copies headers of the redirect, and drops those it does not have", () => {
  const message = request({ path: "/start", pairs: ["x-copy", "old", "x-gone", "old", "x-keep", "1"] });
  follow("http://a/next", { responseHeadersToCopy: ["x-copy", "x-gone"] }, message, 302, [
    "x-copy",
    "a",
    "x-copy",
    "b",
  ]);
  assert.deepEqual(message.headers.getAll("x-copy"), ["a", "b"]);
  assert.deepEqual([message.headers.has("x-gone"), message.headers.has("x-keep")], [false, true]);
});

Deno.test("followRedirect() makes a GET without content of what a 303 answers, but for HEAD", () => {
  for (const [method, expected] of [["POST", "GET"], ["HEAD", "HEAD"], ["GET", "GET"]] as const) {
    const body = method === "POST" ? new BytesBody(new Uint8Array(1)) : null;
    const { message } = follow("http://a/next", {}, request({ path: "/start", method, body }), 303);
    assert.deepEqual([message.method, message.body], [expected, null]);
  }
});

Deno.test("followRedirect() leads from one route to another only once (previous_routes)", () => {
  const message = request({ path: "/start" });
  const call = callFor(message);
  const policy = { ...POLICY, maxRedirects: 9, predicates: [{ kind: "previous_routes" as const }] };
  const to = (path: string) =>
    followRedirect(policy, message, call, 302, new HeaderList(["location", `http://a${path}`]));
  assert.deepEqual([to("/next"), to("/start"), to("/next"), to("/other")], [true, true, false, true]);
});
