import assert from "node:assert/strict";
import { createRouter } from "../../filters/router.ts";
import { BytesBody, QueueBody, readAll } from "../../lib/http/body.ts";
import type { Call } from "../../lib/http/call.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import type { Cluster } from "../../lib/resource/cluster.ts";
import type { Endpoint } from "../../lib/resource/endpoint.ts";
import type { Route, VirtualHost } from "../../lib/resource/route.ts";
import { compileRoutes } from "../../lib/router/route_table.ts";
import { callOf } from "../support/calls.ts";
import {
  cluster,
  endpoint,
  forwardAction,
  loadAssignment,
  loadBalancing,
  locality,
  noHeaders,
  retryPolicy,
  route,
  routeConfiguration,
  virtualHost,
} from "../support/resource_objects.ts";
import { FakeUpstream, type Received, request, turn } from "../upstream/fake_upstream.ts";

const A = endpoint("10.0.0.1", 8080);
const B = endpoint("10.0.0.2", 8080);
const ISTIO = ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"];

interface Setup {
  route?: Partial<Route>;
  host?: Partial<VirtualHost>;
  cluster?: Partial<Cluster>;
  endpoints?: Endpoint[];
}

/** A router in front of a fake upstream. */
class Rig {
  readonly fake: FakeUpstream;
  readonly #setup: Setup;

  constructor(setup: Setup = {}) {
    this.#setup = setup;
    this.fake = new FakeUpstream({
      clusters: [cluster(setup.cluster), cluster({ name: "mirror" })],
      assignments: [loadAssignment([locality(setup.endpoints ?? [A])])],
    });
  }

  send(of: HttpRequest): { call: Call; response: Promise<HttpResponse> } {
    const table = compileRoutes(routeConfiguration({
      virtualHosts: [virtualHost({ routes: [route(this.#setup.route)], ...this.#setup.host })],
    }));
    const call = callOf(of);
    call.chosen = table.choose(of, this.fake.random);
    const { manager, clock, random } = this.fake;
    return { call, response: createRouter({ clusters: manager, clock, random })(of, call) };
  }
}

async function text(response: HttpResponse): Promise<string> {
  return new TextDecoder().decode(await readAll(response.body) as Uint8Array);
}

Deno.test("A request is forwarded and the call says where and how", async () => {
  const rig = new Rig({ host: { includeRequestAttemptCount: true } });
  const { call, response } = rig.send(request());
  const received = await rig.fake.next();
  assert.equal(received.request.headers.get("x-envoy-attempt-count"), "1");
  assert.equal(received.request.headers.has("x-envoy-expected-rq-timeout-ms"), false);
  received.exchange.responseBodyBytes = 2;
  received.answer(200, ["x-a", "1"], "hi");
  const answered = await response;
  assert.equal(answered.status, 200);
  assert.equal(answered.headers.get("x-envoy-upstream-service-time"), "0");
  assert.equal(await text(answered), "hi");
  assert.equal(call.responseCodeDetails, "via_upstream");
  assert.equal(call.responseFlags, "-");
  assert.equal(call.upstreamHost, "10.0.0.1:8080");
  assert.equal(call.clusterName, "backend");
  assert.equal(call.attemptCount, 1);
  assert.equal(call.upstreamLocalAddress, "127.0.0.1:40001");
  assert.equal(call.exchange.completed, false, "not before the response has passed the layers");
  call.deliver();
  assert.equal(call.exchange.completed, true);
  assert.equal(call.exchange.responseBodyBytes, 2);
  rig.fake.manager.close();
});

Deno.test("No route: 404 NR", async () => {
  const rig = new Rig({ host: { domains: ["elsewhere"] } });
  const { call, response } = rig.send(request());
  assert.equal((await response).status, 404);
  assert.deepEqual([call.responseFlags, call.responseCodeDetails], ["NR", "route_not_found"]);
  rig.fake.manager.close();
});

Deno.test("No cluster: the configured status and NC", async () => {
  const action = forwardAction({ cluster: { kind: "name", name: "gone" }, clusterNotFoundStatus: 500 });
  const rig = new Rig({ route: { action } });
  const { call, response } = rig.send(request());
  const answered = await response;
  assert.equal(answered.status, 500);
  assert.match(await text(answered), /names cluster 'gone'/);
  assert.deepEqual([call.responseFlags, call.responseCodeDetails], ["NC", "cluster_not_found"]);
  rig.fake.manager.close();
});

Deno.test("No endpoints: 503 UH, and for gRPC a trailers-only response", async () => {
  const rig = new Rig({ endpoints: [] });
  const { call, response } = rig.send(request());
  assert.equal((await response).status, 503);
  assert.deepEqual([call.responseFlags, call.responseCodeDetails], ["UH", "no_healthy_upstream"]);
  const grpc = rig.send(request({ headers: new HeaderList(["content-type", "application/grpc"]) }));
  const answered = await grpc.response;
  assert.deepEqual([answered.status, answered.headers.get("grpc-status"), answered.body], [200, "14", null]);
  assert.equal(grpc.call.grpcStatus, 14);
  rig.fake.manager.close();
});

Deno.test("Redirects and direct responses answer without an upstream", async () => {
  const redirect = new Rig({
    route: {
      action: {
        kind: "redirect",
        scheme: "https",
        host: "new.example",
        port: null,
        path: "/x",
        prefixRewrite: null,
        regexRewrite: null,
        status: 308,
        stripQuery: false,
      },
    },
  });
  const redirected = redirect.send(request({ path: "/a?b=c" }));
  const answer = await redirected.response;
  assert.deepEqual([answer.status, answer.headers.get("location")], [308, "https://new.example/x?b=c"]);
  assert.equal(redirected.call.responseCodeDetails, "direct_response");
  redirect.fake.manager.close();
  const direct = new Rig({ route: { action: { kind: "direct_response", status: 502, body: "blocked" } } });
  const { response } = direct.send(request());
  assert.equal(await text(await response), "blocked");
  direct.fake.manager.close();
});

Deno.test("Header changes, path and host rewrites reach the upstream, the originals in x-envoy headers", async () => {
  const rig = new Rig({
    route: {
      match: { ...route().match, path: { kind: "prefix", value: "/api" } },
      action: forwardAction({ prefixRewrite: "/v2", hostRewrite: { kind: "literal", value: "other.example" } }),
      headers: {
        requestAdd: [{
          name: "x-was",
          value: "%REQ(:PATH)%",
          action: "overwrite_if_exists_or_add",
          keepEmptyValue: false,
        }],
        requestRemove: ["x-secret"],
        responseAdd: [{
          name: "x-seen",
          value: "%UPSTREAM_HOST%",
          action: "append_if_exists_or_add",
          keepEmptyValue: false,
        }],
        responseRemove: ["server"],
      },
    },
  });
  const { response } = rig.send(request({ path: "/api/users?a=1", headers: new HeaderList(["x-secret", "s"]) }));
  const received = await rig.fake.next();
  const { path, authority, headers } = received.request;
  assert.deepEqual([path, authority], ["/v2/users?a=1", "other.example"]);
  assert.equal(headers.get("x-was"), "/api/users?a=1");
  assert.equal(headers.get("x-envoy-original-path"), "/api/users?a=1");
  assert.equal(headers.get("x-envoy-original-host"), "backend.default");
  assert.equal(headers.has("x-secret"), false);
  received.answer(200, ["server", "x"]);
  const answered = await response;
  assert.equal(answered.headers.get("x-seen"), "10.0.0.1:8080");
  assert.equal(answered.headers.has("server"), false);
  rig.fake.manager.close();
});

Deno.test("A rewrite is noted even where it changes nothing; a weighted cluster's host leaves no trace", async () => {
  const literal = forwardAction({ prefixRewrite: "/", hostRewrite: { kind: "literal", value: "backend.default" } });
  const rig = new Rig({ route: { action: literal } });
  rig.send(request({ path: "/a" }));
  const { headers } = (await rig.fake.next()).request;
  assert.equal(headers.get("x-envoy-original-path"), "/a");
  assert.equal(headers.get("x-envoy-original-host"), "backend.default");
  rig.fake.manager.close();
  const weighted = {
    name: "backend",
    header: null,
    weight: 1,
    headers: noHeaders,
    hostRewrite: "weighted.example",
    perFilterConfig: new Map(),
    subset: null,
  };
  const split = new Rig({
    route: {
      action: forwardAction({ cluster: { kind: "weighted", clusters: [weighted], totalWeight: 1, drawHeader: null } }),
    },
  });
  split.send(request());
  const sent = (await split.fake.next()).request;
  assert.equal(sent.authority, "weighted.example");
  assert.equal(sent.headers.has("x-envoy-original-host"), false);
  split.fake.manager.close();
});

Deno.test("A weighted cluster may be named by a header", () => {
  const entry = { name: "", header: "x-cluster", weight: 1, headers: noHeaders, hostRewrite: null, subset: null };
  const cluster = {
    kind: "weighted",
    clusters: [{ ...entry, perFilterConfig: new Map() }],
    totalWeight: 1,
    drawHeader: null,
  } as const;
  const rig = new Rig({ route: { action: forwardAction({ cluster }) } });
  const named = rig.send(request({ headers: new HeaderList(["x-cluster", "mirror"]) }));
  assert.equal(named.call.chosen?.clusterName, "mirror");
  assert.equal(rig.send(request()).call.chosen?.clusterName, "");
  rig.fake.manager.close();
});

Deno.test("A direct response whose status wants a location has that of the request", async () => {
  for (
    const [status, location] of [[201, "http://backend.default/a?b"], [302, "http://backend.default/a?b"], [200, null]]
  ) {
    const action = { kind: "direct_response", status: status as number, body: "" } as const;
    const rig = new Rig({ route: { action } });
    const { response } = rig.send(request({ path: "/a?b" }));
    assert.equal((await response).headers.get("location") ?? null, location);
    rig.fake.manager.close();
  }
});

Deno.test("What the router says by itself has the headers of the route, whose values know no status yet", async () => {
  const add = { name: "x", value: "%RESPONSE_CODE% %RESPONSE_FLAGS%", action: "append_if_exists_or_add" } as const;
  const headers = { ...noHeaders, responseAdd: [{ ...add, keepEmptyValue: false }] };
  const missing = forwardAction({ cluster: { kind: "name", name: "nowhere" } });
  const rig = new Rig({ route: { headers, action: missing }, host: { includeAttemptCountInResponse: true } });
  const answered = await rig.send(request()).response;
  assert.equal(answered.headers.get("x"), "0 NC");
  assert.equal(answered.headers.get("x-envoy-attempt-count"), "1");
  rig.fake.manager.close();
});

Deno.test("A refused connection is tried again on another host, the body with it", async () => {
  const rig = new Rig({
    endpoints: [A, B],
    cluster: { loadBalancing: loadBalancing({ policy: "round_robin" }) },
    host: {
      includeRequestAttemptCount: true,
      retryPolicy: retryPolicy(ISTIO, { previousHosts: true, hostSelectionRetryMaxAttempts: 5 }),
    },
  });
  rig.fake.refusing.add(A.key);
  rig.fake.refusing.add(B.key);
  const content = new TextEncoder().encode("payload");
  const { call, response } = rig.send(request({ method: "POST", body: new BytesBody(content) }));
  await turn();
  rig.fake.refusing.clear();
  await rig.fake.clock.advance(1000);
  const received = await rig.fake.next();
  assert.equal(received.request.headers.get("x-envoy-attempt-count"), "2");
  assert.deepEqual(received.request.body!.whole(), content);
  assert.notEqual(rig.fake.targets[0]!.address.hostname, rig.fake.targets[1]!.address.hostname);
  received.answer();
  assert.equal((await response).status, 200);
  assert.deepEqual([call.attemptCount, call.responseFlags], [2, "-"]);
  assert.equal(rig.fake.manager.target("backend")!.resources.retries.count, 0);
  rig.fake.manager.close();
});

Deno.test("When the retries are used up the failure is UF with URX and Envoy's details", async () => {
  const rig = new Rig({ host: { retryPolicy: retryPolicy(ISTIO) } });
  rig.fake.refusing.add(A.key);
  const { call, response } = rig.send(request());
  await rig.fake.clock.advance(1000);
  assert.equal((await response).status, 503);
  assert.equal(call.attemptCount, 3);
  assert.equal(call.responseFlags, "UF,URX");
  assert.equal(
    call.responseCodeDetails,
    "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
  );
  assert.equal(call.upstreamTransportFailureReason, "delayed_connect_error:_Connection_refused");
  rig.fake.manager.close();
});

Deno.test("Retriable statuses are tried again, others are not; the last response is handed on", async () => {
  const rig = new Rig({
    host: { retryPolicy: retryPolicy(ISTIO, { retriableStatusCodes: [503], numRetries: 1 }) },
  });
  const first = rig.send(request());
  (await rig.fake.next()).answer(503, [], "busy");
  await rig.fake.clock.advance(100);
  (await rig.fake.next()).answer(503, [], "still busy");
  const answered = await first.response;
  assert.deepEqual([answered.status, await text(answered)], [503, "still busy"]);
  assert.deepEqual([first.call.attemptCount, first.call.responseFlags], [2, "URX"]);
  const second = rig.send(request());
  (await rig.fake.next()).answer(500);
  assert.equal((await second.response).status, 500);
  assert.equal(second.call.attemptCount, 1);
  rig.fake.manager.close();
});

Deno.test("gRPC: unavailable in the head is tried again", async () => {
  const rig = new Rig({ host: { retryPolicy: retryPolicy(ISTIO) } });
  const { response } = rig.send(request({ headers: new HeaderList(["content-type", "application/grpc"]) }));
  (await rig.fake.next()).answer(200, ["content-type", "application/grpc", "grpc-status", "14"]);
  await rig.fake.clock.advance(100);
  (await rig.fake.next()).answer(200, ["content-type", "application/grpc", "grpc-status", "0"]);
  assert.equal((await response).headers.get("grpc-status"), "0");
  rig.fake.manager.close();
});

function streamed(...chunks: string[]): QueueBody {
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
  for (const chunk of chunks) body.push(new TextEncoder().encode(chunk));
  return body;
}

async function contentOf(received: Received): Promise<string> {
  return new TextDecoder().decode((await readAll(received.request.body))!);
}

Deno.test("A streamed body is sent again, what was read of it and what comes after", async () => {
  const rig = new Rig({ host: { retryPolicy: retryPolicy(["5xx", "reset"]) } });
  const body = streamed("one ");
  const { call, response } = rig.send(request({ method: "POST", body }));
  const first = await rig.fake.next();
  assert.equal((await first.request.body!.read())!.length, 4);
  first.fail("UPSTREAM_REMOTE_RESET");
  await turn();
  await rig.fake.clock.advance(100);
  const second = await rig.fake.next();
  body.push(new TextEncoder().encode("two"));
  body.end();
  assert.equal(await contentOf(second), "one two");
  second.answer();
  assert.equal((await response).status, 200);
  assert.equal(call.attemptCount, 2);
  rig.fake.manager.close();
});

Deno.test("A streamed body beyond the limit is sent on, and not sent again", async () => {
  const rig = new Rig({
    route: { requestBufferLimit: 5 },
    host: { retryPolicy: retryPolicy(["5xx"]) },
  });
  const body = streamed("12345", "6789");
  const { call, response } = rig.send(request({ method: "POST", body }));
  const received = await rig.fake.next();
  body.end();
  assert.equal(await contentOf(received), "123456789");
  received.answer(503);
  assert.equal((await response).status, 503);
  assert.deepEqual([call.attemptCount, call.responseFlags], [1, "-"]);
  rig.fake.manager.close();
});

Deno.test("Content in memory beyond the limit is not sent again either", async () => {
  const rig = new Rig({ route: { requestBufferLimit: 5 }, host: { retryPolicy: retryPolicy(["5xx"]) } });
  const { call, response } = rig.send(request({ method: "POST", body: new BytesBody(new Uint8Array(6)) }));
  (await rig.fake.next()).answer(503);
  assert.equal((await response).status, 503);
  assert.deepEqual([call.attemptCount, call.responseFlags], [1, "-"]);
  rig.fake.manager.close();
});

Deno.test("A body that outgrows the limit between two attempts ends as 507", async () => {
  const rig = new Rig({
    route: { requestBufferLimit: 5 },
    host: { retryPolicy: retryPolicy(["5xx"]) },
  });
  const body = streamed("12345");
  const { call, response } = rig.send(request({ method: "POST", body }));
  const received = await rig.fake.next();
  await received.request.body!.read();
  void received.request.body!.read();
  received.fail("UPSTREAM_REMOTE_RESET");
  await turn();
  body.push(new TextEncoder().encode("6"));
  await turn();
  await rig.fake.clock.advance(100);
  assert.equal((await response).status, 507);
  assert.equal(call.responseCodeDetails, "request_payload_exceeded_retry_buffer_limit");
  rig.fake.manager.close();
});

Deno.test("Without a retry policy a streamed body is not kept", async () => {
  const rig = new Rig();
  const body = streamed("one");
  const { call, response } = rig.send(request({ method: "POST", body }));
  (await rig.fake.next()).fail("UPSTREAM_REMOTE_RESET");
  assert.equal((await response).status, 503);
  assert.deepEqual([call.attemptCount, call.responseFlags], [1, "UR"]);
  rig.fake.manager.close();
});

Deno.test("A streamed body is mirrored as it goes", async () => {
  const action = forwardAction({
    mirrors: [{ cluster: "mirror", header: null, shadowSuffix: true, fraction: { numerator: 100, denominator: 100 } }],
  });
  const rig = new Rig({ route: { action } });
  rig.fake.push({ clusters: [cluster({ name: "mirror" })] });
  const body = streamed("one ");
  const { response } = rig.send(request({ method: "PUT", body }));
  const both = [await rig.fake.next(), await rig.fake.next()];
  const own = both.find(({ request }) => request.authority === "backend.default")!;
  const copy = both.find((received) => received !== own)!;
  const [mirrored, sent] = [contentOf(copy), contentOf(own)];
  body.push(new TextEncoder().encode("two"));
  body.end();
  assert.deepEqual([await sent, await mirrored], ["one two", "one two"]);
  own.answer(204);
  assert.equal((await response).status, 204);
  copy.answer();
  rig.fake.manager.close();
});

Deno.test("Headers that filters set change timeouts and retries, and go no further", async () => {
  const rig = new Rig();
  const pairs = [
    ...["x-envoy-retry-on", "retriable-status-codes", "x-envoy-max-retries", "1"],
    ...["x-envoy-retriable-status-codes", "418", "x-envoy-upstream-rq-timeout-ms", "700"],
  ];
  const { call, response } = rig.send(request({ headers: new HeaderList(pairs) }));
  const first = await rig.fake.next();
  assert.deepEqual(first.request.headers.pairs, ["x-envoy-expected-rq-timeout-ms", "700"]);
  first.answer(418);
  await rig.fake.clock.advance(100);
  (await rig.fake.next()).answer(418);
  assert.equal((await response).status, 418);
  assert.deepEqual([call.attemptCount, call.responseFlags], [2, "URX"]);
  rig.fake.manager.close();
});

Deno.test("x-envoy-upstream-rq-timeout-alt-response: 204 in the place of 504", async () => {
  const rig = new Rig({ route: { action: forwardAction({ timeoutMs: 50 }) } });
  const headers = new HeaderList(["x-envoy-upstream-rq-timeout-alt-response", "1"]);
  const { response } = rig.send(request({ headers }));
  await rig.fake.next();
  await rig.fake.clock.advance(50);
  assert.equal((await response).status, 204);
  rig.fake.manager.close();
});

Deno.test("x-envoy-upstream-stream-duration-ms: 504 UMSDR", async () => {
  const rig = new Rig();
  const headers = new HeaderList(["x-envoy-upstream-stream-duration-ms", "50"]);
  const { call, response } = rig.send(request({ headers }));
  await rig.fake.next();
  await rig.fake.clock.advance(50);
  assert.equal((await response).status, 504);
  assert.deepEqual([call.responseFlags, call.responseCodeDetails], ["UMSDR", "upstream_max_stream_duration_reached"]);
  rig.fake.manager.close();
});

Deno.test("The per-try idle time-out: silence before the answer is tried again, silence within it breaks it off", async () => {
  const policy = retryPolicy(["5xx"], { perTryIdleTimeoutMs: 50, numRetries: 1 });
  const rig = new Rig({ host: { retryPolicy: policy } });
  const { call, response } = rig.send(request());
  await rig.fake.next();
  await rig.fake.clock.advance(50);
  await rig.fake.clock.advance(25);
  const second = await rig.fake.next();
  const body = streamed("some");
  second.stream(200, body);
  const answered = await response;
  assert.equal((await answered.body!.read())!.length, 4);
  await rig.fake.clock.advance(40);
  body.push(new Uint8Array(1));
  await answered.body!.read();
  await rig.fake.clock.advance(40);
  assert.equal(second.exchange.cancelled, false);
  await rig.fake.clock.advance(10);
  assert.equal(second.exchange.cancelled, true);
  assert.deepEqual([call.attemptCount, call.responseFlags], [2, "UT"]);
  assert.equal(call.responseCodeDetails, "upstream_per_try_idle_timeout");
  rig.fake.manager.close();
});

Deno.test("Retries avoid canaries and hosts of some metadata; the first attempt does not", async () => {
  const canary = { ...A, metadata: { "envoy.lb": { canary: true } } };
  const old = { ...B, metadata: { "envoy.lb": { version: "v1" } } };
  const C = endpoint("10.0.0.3", 8080);
  for (const policy of [{ omitCanaryHosts: true }, { omitHostMetadata: [{ version: "v1" }] }]) {
    const rig = new Rig({
      endpoints: [policy.omitCanaryHosts === true ? canary : old, C],
      cluster: { loadBalancing: loadBalancing({ policy: "round_robin" }) },
      host: { retryPolicy: retryPolicy(["5xx"], { ...policy, numRetries: 5, hostSelectionRetryMaxAttempts: 5 }) },
    });
    const seen: string[] = [];
    for (let call = 0; call < 2; call++) {
      const { response } = rig.send(request());
      for (let attempt = 0; attempt < 3; attempt++) {
        const received = await rig.fake.next();
        if (attempt > 0) seen.push(received.connection.info.remote.hostname);
        received.answer(attempt < 2 ? 500 : 200);
        await rig.fake.clock.advance(300);
      }
      await response;
    }
    assert.deepEqual(seen, ["10.0.0.3", "10.0.0.3", "10.0.0.3", "10.0.0.3"]);
    rig.fake.manager.close();
  }
});

Deno.test("Retries say whether they follow a time-out where the virtual host wants it", async () => {
  const rig = new Rig({
    host: { includeIsTimeoutRetry: true, retryPolicy: retryPolicy(["5xx"], { perTryTimeoutMs: 50 }) },
  });
  const { response } = rig.send(request());
  assert.equal((await rig.fake.next()).request.headers.has("x-envoy-is-timeout-retry"), false);
  await rig.fake.clock.advance(50);
  await rig.fake.clock.advance(30);
  const second = await rig.fake.next();
  assert.equal(second.request.headers.get("x-envoy-is-timeout-retry"), "true");
  second.answer(500);
  await turn();
  await rig.fake.clock.advance(49);
  const third = await rig.fake.next();
  assert.equal(third.request.headers.get("x-envoy-is-timeout-retry"), "false");
  third.answer();
  await response;
  rig.fake.manager.close();
});

Deno.test("The route's time-out answers 504 UT and cancels the attempt", async () => {
  const rig = new Rig({ route: { action: forwardAction({ timeoutMs: 250 }) } });
  const { call, response } = rig.send(request());
  const received = await rig.fake.next();
  assert.equal(received.request.headers.get("x-envoy-expected-rq-timeout-ms"), "250");
  await rig.fake.clock.advance(250);
  assert.equal((await response).status, 504);
  assert.deepEqual([call.responseFlags, call.responseCodeDetails], ["UT", "response_timeout"]);
  assert.equal(received.exchange.cancelled, true);
  rig.fake.manager.close();
});

Deno.test("The time-out of a streamed request counts from its end", async () => {
  const rig = new Rig({ route: { action: forwardAction({ timeoutMs: 100 }) } });
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
  const { response } = rig.send(request({ method: "POST", body }));
  const received = await rig.fake.next();
  await rig.fake.clock.advance(500);
  assert.equal(received.exchange.cancelled, false);
  body.end();
  assert.equal(await received.request.body!.read(), null);
  await rig.fake.clock.advance(100);
  assert.equal((await response).status, 504);
  rig.fake.manager.close();
});

Deno.test("A per-try time-out is tried again, and ends as upstream_per_try_timeout", async () => {
  const policy = retryPolicy(["5xx"], { perTryTimeoutMs: 50, numRetries: 1 });
  const rig = new Rig({ host: { retryPolicy: policy } });
  const { call, response } = rig.send(request());
  await rig.fake.next();
  await rig.fake.clock.advance(300);
  assert.equal((await response).status, 504);
  assert.equal(call.attemptCount, 2);
  assert.deepEqual([call.responseFlags, call.responseCodeDetails], ["UT,URX", "upstream_per_try_timeout"]);
  rig.fake.manager.close();
});

Deno.test("Timers end with the response", async () => {
  const rig = new Rig({ route: { action: forwardAction({ timeoutMs: 5000 }) }, cluster: { http: noIdle() } });
  const { response } = rig.send(request());
  (await rig.fake.next()).answer();
  await response;
  assert.equal(rig.fake.clock.pendingTimers, 0);
  rig.fake.manager.close();
});

Deno.test("When the caller gives up it gets its own reason, and the attempt is cancelled", async () => {
  const rig = new Rig({ host: { retryPolicy: retryPolicy(["5xx"]) } });
  const { call, response } = rig.send(request());
  const received = await rig.fake.next();
  const reason = new DOMException("stop", "AbortError");
  call.exchange.cancel(reason);
  await assert.rejects(response, (error) => error === reason);
  assert.equal(received.exchange.cancelled, true);
  assert.equal(call.responseFlags, "DC");
  rig.fake.manager.close();
});

Deno.test("A request given up before the router sees it is not sent", async () => {
  const rig = new Rig();
  const of = request();
  const call = callOf(of);
  call.exchange.cancel(new Error("Early"));
  call.chosen = compileRoutes(routeConfiguration()).choose(of, () => 0);
  const { manager, clock, random } = rig.fake;
  await assert.rejects(createRouter({ clusters: manager, clock, random })(of, call), /Early/);
  assert.equal(rig.fake.targets.length, 0);
  rig.fake.manager.close();
});

Deno.test("A response that breaks off after its head is told by flag and details", async () => {
  const rig = new Rig();
  const { call, response } = rig.send(request());
  const received = await rig.fake.next();
  received.head(200);
  assert.equal((await response).status, 200);
  call.deliver();
  assert.equal(call.exchange.completed, false);
  received.fail("UPSTREAM_CONNECTION_TERMINATION");
  assert.deepEqual([call.responseFlags, call.responseCodeDetails], [
    "UC",
    "upstream_reset_after_response_started{connection_termination}",
  ]);
  assert.equal(call.exchange.completed, true);
  rig.fake.manager.close();
});

Deno.test("Giving up between two attempts ends the pause", async () => {
  const rig = new Rig({ host: { retryPolicy: retryPolicy(ISTIO) } });
  rig.fake.refusing.add(A.key);
  const { call, response } = rig.send(request());
  await turn();
  call.exchange.cancel(new Error("Stop"));
  await assert.rejects(response, /Stop/);
  assert.equal(rig.fake.manager.target("backend")!.resources.retries.count, 0);
  rig.fake.manager.close();
});

Deno.test("A mirror gets the host as it is where the policy turns the suffix off", async () => {
  const mirror = {
    cluster: "mirror",
    header: null,
    fraction: { numerator: 100, denominator: 100 },
    shadowSuffix: false,
  };
  const rig = new Rig({ route: { action: forwardAction({ mirrors: [mirror] }) } });
  const { response } = rig.send(request({ authority: "backend:9080" }));
  const both = [await rig.fake.next(), await rig.fake.next()];
  assert.deepEqual(both.map((received) => received.request.authority), ["backend:9080", "backend:9080"]);
  for (const received of both) received.answer();
  await response;
  rig.fake.manager.close();
});

Deno.test("A mirror gets a copy, delays nothing and its failure is nobody's", async () => {
  const action = forwardAction({
    mirrors: [{ cluster: "mirror", header: null, shadowSuffix: true, fraction: { numerator: 100, denominator: 100 } }],
  });
  const rig = new Rig({ route: { action } });
  rig.fake.push({ clusters: [cluster({ name: "mirror" })] });
  const body = new BytesBody(new Uint8Array([1, 2]));
  const { response } = rig.send(request({ authority: "backend:9080", method: "PUT", body }));
  const [one, two] = [await rig.fake.next(), await rig.fake.next()];
  const authorities = [one, two].map((received) => received.request.authority).sort();
  assert.deepEqual(authorities, ["backend-shadow:9080", "backend:9080"]);
  const [own, copy] = one.request.authority === "backend:9080" ? [one, two] : [two, one];
  assert.deepEqual(copy.request.body!.whole(), new Uint8Array([1, 2]));
  assert.equal(copy.request.headers.get("x-envoy-internal"), "true");
  copy.fail("UPSTREAM_REMOTE_RESET");
  own.answer(204);
  assert.equal((await response).status, 204);
  rig.fake.manager.close();
});

Deno.test("A mirror is given up when the time of its request is", async () => {
  const mirrors = [{ cluster: "mirror", header: null, shadowSuffix: true, fraction: { numerator: 1, denominator: 1 } }];
  const rig = new Rig({ route: { action: forwardAction({ mirrors, timeoutMs: 100 }) } });
  rig.fake.push({ clusters: [cluster({ name: "mirror" })] });
  const { response } = rig.send(request());
  const both = [await rig.fake.next(), await rig.fake.next()];
  const copy = both.find(({ request }) => request.authority.endsWith("-shadow"))!;
  both.find((received) => received !== copy)!.answer();
  assert.equal((await response).status, 200);
  await rig.fake.clock.advance(100);
  assert.equal(copy.exchange.cancelled, true);
  rig.fake.manager.close();
});

Deno.test("A mirror may be named by a header and have the host as it is", async () => {
  const all = { numerator: 100, denominator: 100 };
  const action = forwardAction({ mirrors: [{ cluster: "", header: "x-mirror", shadowSuffix: false, fraction: all }] });
  const rig = new Rig({ route: { action } });
  rig.fake.push({ clusters: [cluster({ name: "mirror" })] });
  rig.send(request({ headers: new HeaderList(["x-mirror", "mirror"]) }));
  const both = [await rig.fake.next(), await rig.fake.next()];
  assert.deepEqual(both.map((received) => received.request.authority), ["backend.default", "backend.default"]);
  rig.fake.manager.close();
});

Deno.test("A change of the configuration between two attempts is followed", async () => {
  const rig = new Rig({ host: { retryPolicy: retryPolicy(ISTIO) } });
  rig.fake.refusing.add(A.key);
  const { response } = rig.send(request());
  await turn();
  rig.fake.push({ assignments: [loadAssignment([locality([B])])], clusters: [cluster({ connectTimeoutMs: 1 })] });
  await rig.fake.clock.advance(100);
  const received = await rig.fake.next();
  assert.equal(received.connection.info.remote.hostname, "10.0.0.2");
  received.answer();
  assert.equal((await response).status, 200);
  rig.fake.manager.close();
});

function noIdle() {
  return { ...cluster().http, idleTimeoutMs: 0 };
}
