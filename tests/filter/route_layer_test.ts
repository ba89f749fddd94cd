import assert from "node:assert/strict";
import { routeLayer } from "../../lib/filter/route_layer.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpResponse } from "../../lib/http/message.ts";
import type { SnapshotSource } from "../../lib/resource/snapshot.ts";
import { InternalRedirect } from "../../lib/router/internal_redirect.ts";
import { callOf, request } from "../support/calls.ts";
import { forwardAction, route, routeConfiguration, virtualHost } from "../support/resource_objects.ts";

const NOBODY = {} as SnapshotSource;
const ANSWER: HttpResponse = { status: 200, headers: new HeaderList(), body: null };

function layer(routes: ReturnType<typeof route>[], more: object = {}, tracing = false) {
  const inline = routeConfiguration({ virtualHosts: [virtualHost({ routes })], ...more });
  return routeLayer({ routes: { inline }, tracing }, NOBODY, () => 0);
}

Deno.test("routeLayer() sends a request through the filters again after an internal redirect, and no other failure", async () => {
  const internalRedirect = {
    maxRedirects: 1,
    statuses: [302],
    allowCrossScheme: false,
    responseHeadersToCopy: [],
    predicates: [],
  };
  const following = layer([route({ action: forwardAction({ internalRedirect }) })]);
  let passed = 0;
  const message = request();
  const handler = following(() => {
    if (++passed === 1) return Promise.reject(new InternalRedirect());
    return passed === 2 ? Promise.resolve(ANSWER) : Promise.reject(new Error("Broken"));
  });
  assert.equal(await handler(message, callOf(message)), ANSWER);
  assert.equal(passed, 2);
  await assert.rejects(handler(message, callOf(message)), /Broken/);
});

Deno.test("routeLayer() removes internal_only_headers before a route is chosen", async () => {
  const message = request({ pairs: ["x-internal", "1", "x-other", "2"] });
  await layer([route()], { internalOnlyHeaders: ["x-internal"] })(() => Promise.resolve(ANSWER))(
    message,
    callOf(message),
  );
  assert.deepEqual(message.headers.pairs, ["x-other", "2"]);
});

Deno.test("routeLayer() tells the other proxy the name of the operation where requests are traced", async () => {
  const routes = [route({ operation: "cart.shop:80/*" })];
  const pass = async (direction: "inbound" | "outbound", tracing: boolean) => {
    const message = request({ pairs: ["x-envoy-decorator-operation", "forged"] });
    await layer(routes, {}, tracing)(() => Promise.resolve(ANSWER))(message, callOf(message, { direction }));
    return message.headers.get("x-envoy-decorator-operation");
  };
  assert.deepEqual(
    [await pass("outbound", true), await pass("inbound", true), await pass("outbound", false)],
    ["cart.shop:80/*", undefined, "forged"],
  );
});
