import assert from "node:assert/strict";
import { statefulSessionFilter } from "../../filters/stateful_session.ts";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import { endpoint } from "../support/resource_objects.ts";
import { fakeCall, fakeContext, fakeRequest, fakeResponse, fakeRoute, layerOf } from "./fake_call.ts";

const NAME = "envoy.filters.http.stateful_session";
const CONFIG = "envoy.extensions.filters.http.stateful_session.v3.StatefulSession";
const PER_ROUTE = "envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute";

function cookie(options: { path?: string; seconds?: number; strict?: boolean } = {}): Uint8Array {
  const { path = "/", seconds = 0, strict = false } = options;
  return encode(CONFIG, {
    sessionState: {
      name: "envoy.http.stateful_session.cookie",
      typedConfig: packAny("envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState", {
        cookie: { name: "session", path, ...(seconds === 0 ? {} : { ttl: { seconds } }) },
      }),
    },
    strict,
  });
}

function header(): Uint8Array {
  return encode(CONFIG, {
    sessionState: {
      name: "envoy.http.stateful_session.header",
      typedConfig: packAny("envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState", {
        name: "X-Session",
      }),
    },
  });
}

/** Sends one request; the cluster chooses `chosen`. */
async function send(config: Uint8Array, headers: string[], options: { perRoute?: object; path?: string } = {}) {
  const context = fakeContext({ direction: "outbound" });
  const request = fakeRequest(headers, null, "GET");
  if (options.path !== undefined) request.path = options.path;
  const call = fakeCall(request, context);
  call.chosen = fakeRoute(options.perRoute === undefined ? {} : { [NAME]: options.perRoute });
  const handler = layerOf(statefulSessionFilter, config, context)(() => {
    call.endpoint = endpoint("10.0.0.1", 80);
    return Promise.resolve(fakeResponse(200, []));
  });
  const response = await handler(request, call);
  return { override: call.overrideHost, headers: response.headers, now: context.clock.now() };
}

/** The cookie Envoy 1.40 writes for 10.0.0.1:80: field 1 of a message. */
const OWN = btoa("\x0a\x0b10.0.0.1:80");

Deno.test("A client without a session gets the cookie of the host it reached, as Envoy writes it", async () => {
  const { override, headers } = await send(cookie(), []);
  assert.equal(override, null);
  assert.deepEqual(headers.getAll("set-cookie"), [`session="${OWN}"; Path=/; HttpOnly`]);
});

Deno.test("A client with a session asks for its host, and keeps its cookie when it gets there", async () => {
  const { override, headers } = await send(cookie(), ["cookie", `a=b; session="${OWN}"`]);
  assert.deepEqual(override, { address: "10.0.0.1:80", strict: false });
  assert.deepEqual(headers.getAll("set-cookie"), []);
});

Deno.test("A client that ends up elsewhere is told so", async () => {
  const { override, headers } = await send(cookie({ strict: true }), [
    "cookie",
    `session=${btoa("\x0a\x0b10.0.0.2:80")}`,
  ]);
  assert.deepEqual(override, { address: "10.0.0.2:80", strict: true });
  assert.deepEqual(headers.getAll("set-cookie"), [`session="${OWN}"; Path=/; HttpOnly`]);
});

Deno.test("The older form of the cookie is the plain address", async () => {
  const { override } = await send(cookie(), ["cookie", `session=${btoa("127.0.0.1:8080")}`]);
  assert.equal(override?.address, "127.0.0.1:8080");
});

Deno.test("A session with a lifetime ends, but not by the clock of another machine", async () => {
  const { headers, now } = await send(cookie({ seconds: 120 }), []);
  const written = headers.get("set-cookie")!;
  assert.match(written, /^session="[^"]+"; Max-Age=120; Path=\/; HttpOnly$/);
  const expired = (expires: number) => btoa(latin1(encode("envoy.Cookie", { address: "10.0.0.1:80", expires })));
  const at = Math.floor(now / 1000);
  const ended = await send(cookie({ seconds: 120 }), [
    "cookie",
    `session=${expired(Math.max(at - 10, 1_000_000_000))}`,
  ]);
  if (at > 1_000_000_010) assert.equal(ended.override, null);
  const alive = await send(cookie({ seconds: 120 }), ["cookie", `session=${expired(at + 100)}`]);
  assert.equal(alive.override?.address, "10.0.0.1:80");
  const uptime = await send(cookie({ seconds: 120 }), ["cookie", `session=${expired(4711)}`]);
  assert.equal(uptime.override?.address, "10.0.0.1:80");
});

Deno.test("Garbage in the cookie is no session", async () => {
  for (const value of ["", "%%%", "a", btoa("\x0a\xff"), btoa("")]) {
    const { override } = await send(cookie(), ["cookie", `session="${value}"`]);
    assert.ok(override === null || override.address !== "", value);
  }
});

Deno.test("A cookie of a path belongs to that path", async () => {
  for (
    const [path, own, covered] of [
      ["/app", "/app", true],
      ["/app/x", "/app", true],
      ["/app?x", "/app", true],
      ["/apple", "/app", false],
      ["/app", "/app/", false],
      ["/app/x", "/app/", true],
      ["/other", "/app", false],
    ] as const
  ) {
    const { headers } = await send(cookie({ path: own }), [], { path });
    assert.equal(headers.has("set-cookie"), covered, `${path} under ${own}`);
  }
});

Deno.test("The session may be in a header", async () => {
  const first = await send(header(), []);
  assert.equal(first.headers.get("x-session"), btoa("10.0.0.1:80"));
  const second = await send(header(), ["x-session", btoa("10.0.0.9:80")]);
  assert.equal(second.override?.address, "10.0.0.9:80");
});

Deno.test("A route has a session of its own, or none", async () => {
  const parse = (bytes: Uint8Array) => statefulSessionFilter.perRoute!.parse(bytes);
  const off = await send(cookie(), [], { perRoute: parse(encode(PER_ROUTE, { disabled: true })) });
  assert.equal(off.headers.has("set-cookie"), false);
  const none = await send(encode(CONFIG, {}), []);
  assert.equal(none.headers.has("set-cookie"), false);
  assert.throws(() => parse(encode(PER_ROUTE, {})), /override/);
});

Deno.test("A session that cannot be kept is refused", () => {
  const bytes = encode(CONFIG, {
    sessionState: {
      name: "x",
      typedConfig: packAny("envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState", {}),
    },
  });
  assert.throws(() => statefulSessionFilter.parse(bytes), /must not be empty/);
  const other = encode(CONFIG, { sessionState: { name: "x", typedConfig: packAny("google.protobuf.BoolValue", {}) } });
  assert.throws(() => statefulSessionFilter.parse(other), /must be a cookie or a header/);
});

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
