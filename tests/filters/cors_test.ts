import assert from "node:assert/strict";
import { corsFilter } from "../../filters/cors.ts";
import type { EnvoyExtensionsFiltersHttpCorsV3CorsPolicy } from "../../lib/protobuf/gen/messages.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import { FILTER_DISABLED } from "../../lib/resource/filter_parsers.ts";
import { fakeCall, fakeContext, fakeRequest, fakeResponse, fakeRoute, layerOf } from "./fake_call.ts";

const NAME = "envoy.filters.http.cors";

// As recorded from a real istiod.
const POLICY: EnvoyExtensionsFiltersHttpCorsV3CorsPolicy = {
  allowCredentials: { value: true },
  allowHeaders: "x-shop",
  allowMethods: "GET,POST",
  allowOriginStringMatch: [
    { exact: "https://shop.example.test" },
    { prefix: "https://pr-" },
    { safeRegex: { regex: "https://[a-z]+\\.example\\.test" } },
  ],
  exposeHeaders: "x-trace",
  filterEnabled: { defaultValue: { numerator: 100 } },
  forwardNotMatchingPreflights: { value: true },
  maxAge: "600",
};

function perRoute(policy: EnvoyExtensionsFiltersHttpCorsV3CorsPolicy): object {
  return corsFilter.perRoute!.parse(encode("envoy.extensions.filters.http.cors.v3.CorsPolicy", policy));
}

async function send(headers: string[], { method = "GET", config = perRoute(POLICY), random = 0.5 } = {}) {
  const context = fakeContext({ direction: "inbound", random: () => random });
  const request = fakeRequest(headers, null, method);
  const call = fakeCall(request, context);
  call.chosen = fakeRoute({ [NAME]: config });
  let forwarded = false;
  const handler = layerOf(corsFilter, new Uint8Array(), context)(() => {
    forwarded = true;
    return Promise.resolve(fakeResponse(200, ["access-control-allow-origin", "by the application"]));
  });
  const response = await handler(request, call);
  return { forwarded, status: response.status, headers: response.headers.pairs, details: call.responseCodeDetails };
}

const PREFLIGHT = ["access-control-request-method", "PUT", "access-control-request-headers", "x-a"];

Deno.test("answers the preflight of an allowed origin", async () => {
  const answer = await send(["origin", "https://shop.example.test", ...PREFLIGHT], { method: "OPTIONS" });
  assert.deepEqual(answer, {
    forwarded: false,
    status: 200,
    headers: [
      "access-control-allow-origin",
      "https://shop.example.test",
      "access-control-allow-credentials",
      "true",
      "access-control-allow-methods",
      "GET,POST",
      "access-control-allow-headers",
      "x-shop",
      "access-control-max-age",
      "600",
      "access-control-expose-headers",
      "x-trace",
      "content-length",
      "0",
    ],
    details: "cors_response",
  });
});

Deno.test("marks the response to an allowed origin", async () => {
  for (const origin of ["https://shop.example.test", "https://pr-7.example", "https://abc.example.test"]) {
    const { forwarded, headers } = await send(["origin", origin]);
    assert.ok(forwarded);
    assert.deepEqual(headers, [
      "access-control-allow-origin",
      origin,
      "access-control-allow-credentials",
      "true",
      "access-control-expose-headers",
      "x-trace",
    ]);
  }
});

Deno.test("leaves everything else to the application", async () => {
  const untouched = ["access-control-allow-origin", "by the application"];
  const table: [string[], Parameters<typeof send>[1]][] = [
    [[], {}],
    [["origin", ""], {}],
    [["origin", "https://evil.test"], {}],
    [["origin", "https://evil.test", ...PREFLIGHT], { method: "OPTIONS" }],
    [["origin", "https://pr-1", ...PREFLIGHT], { method: "OPTIONS", config: FILTER_DISABLED }],
    [["origin", "https://pr-1"], { config: {} }],
    [["origin", "https://pr-1"], {
      config: perRoute({ ...POLICY, filterEnabled: { defaultValue: { numerator: 50 } } }),
      random: 0.5,
    }],
  ];
  for (const [headers, options] of table) {
    const answer = await send(headers, options);
    assert.ok(answer.forwarded);
    assert.deepEqual(answer.headers, untouched);
  }
});

Deno.test("an allowed origin without a requested method is no preflight", async () => {
  assert.ok((await send(["origin", "https://pr-1"], { method: "OPTIONS" })).forwarded);
});

Deno.test("may answer preflights of other origins, allowing them nothing", async () => {
  const config = perRoute({ ...POLICY, forwardNotMatchingPreflights: { value: false } });
  const { forwarded, headers } = await send(["origin", "https://evil.test", ...PREFLIGHT], {
    method: "OPTIONS",
    config,
  });
  assert.ok(!forwarded);
  assert.ok(!headers.includes("access-control-allow-origin"));
});

Deno.test("a star allows whatever is asked for", async () => {
  const config = perRoute({
    allowOriginStringMatch: [{ safeRegex: { regex: ".*" } }],
    allowMethods: "*",
    allowHeaders: "*",
    allowPrivateNetworkAccess: { value: true },
  });
  const asked = ["origin", "https://any.test", ...PREFLIGHT, "access-control-request-private-network", "true"];
  assert.deepEqual((await send(asked, { method: "OPTIONS", config })).headers, [
    "access-control-allow-origin",
    "https://any.test",
    "access-control-allow-methods",
    "PUT",
    "access-control-allow-headers",
    "x-a",
    "access-control-allow-private-network",
    "true",
    "content-length",
    "0",
  ]);
});

Deno.test("says what is wrong with a policy", () => {
  assert.throws(() => perRoute({ allowOriginStringMatch: [{ safeRegex: { regex: "(" } }, {}] }), (error) => {
    assert.match(String(error), /allow_origin_string_match\[0\]/);
    assert.match(String(error), /allow_origin_string_match\[1\]/);
    return true;
  });
});
