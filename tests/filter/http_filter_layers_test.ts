import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import type { HttpFilterPlan } from "../../lib/filter/http_filter.ts";
import { httpFilterLayers } from "../../lib/filter/http_filter_layers.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpResponse } from "../../lib/http/message.ts";
import { stack } from "../../lib/internal/layer.ts";
import type { HttpFilterConfig } from "../../lib/resource/http_connection_manager.ts";
import { FILTER_DISABLED, FILTER_UNSUPPORTED } from "../../lib/resource/filter_parsers.ts";
import { callOf, filterContext, request } from "../support/calls.ts";
import { route, virtualHost } from "../support/resource_objects.ts";

function filter(name: string, overrides: Partial<HttpFilterConfig> = {}): HttpFilterConfig {
  const plan: HttpFilterPlan = {
    create: () => (next) => (message, call) => {
      message.headers.append("seen", name);
      return next(message, call);
    },
  };
  return { name, typeUrl: `type.googleapis.com/${name}`, plan, optional: false, disabled: false, ...overrides };
}

async function run(filters: HttpFilterConfig[], ofRoute: Record<string, object> = {}): Promise<string[]> {
  const message = request();
  const answer: HttpResponse = { status: 200, headers: new HeaderList(), body: null };
  const call = callOf(message);
  const perFilterConfig = new Map(Object.entries(ofRoute));
  call.chosen = { virtualHost: virtualHost(), route: route({ perFilterConfig }), clusterName: null };
  await stack(httpFilterLayers(filters, filterContext()), () => Promise.resolve(answer))(message, call);
  return message.headers.getAll("seen");
}

Deno.test("httpFilterLayers() keeps the order of the configuration", async () => {
  assert.deepEqual(await run([filter("a"), filter("b"), filter("c")]), ["a", "b", "c"]);
});

Deno.test("httpFilterLayers() leaves out disabled filters, optional unknown ones and those without a layer", async () => {
  const silent: HttpFilterPlan = { create: () => null };
  const filters = [
    filter("off", { disabled: true }),
    filter("unknown", { plan: null, optional: true }),
    filter("statistics", { plan: silent }),
    filter("kept"),
  ];
  assert.deepEqual(await run(filters), ["kept"]);
});

Deno.test("httpFilterLayers() refuses requests where a required filter is not supported, and says which", async () => {
  await assert.rejects(run([filter("envoy.filters.http.lua", { plan: null })]), (error) => {
    assert.ok(error instanceof MeshError);
    assert.equal(error.code, "FILTER_CONFIG_NOT_FOUND");
    assert.match(error.message, /requires filter 'envoy\.filters\.http\.lua'.*unsupportedFilters/s);
    return true;
  });
});

Deno.test("httpFilterLayers() runs a filter that is off in the chain where the route has configuration for it", async () => {
  const filters = [filter("off", { disabled: true }), filter("on")];
  assert.deepEqual(await run(filters, { off: {} }), ["off", "on"]);
  assert.deepEqual(await run(filters, { off: FILTER_DISABLED }), ["on"]);
});

Deno.test("httpFilterLayers() refuses where the route switches on what is not supported, and not where it is off", async () => {
  const unsupported = { plan: null, typeUrl: "x.Y" };
  const off = [filter("unknown", { ...unsupported, disabled: true })];
  assert.deepEqual(await run(off), []);
  await assert.rejects(run(off, { unknown: FILTER_UNSUPPORTED }), /requires filter 'unknown'/);
  assert.deepEqual(await run([filter("unknown", unsupported)], { unknown: FILTER_DISABLED }), []);
});

Deno.test("httpFilterLayers() tells filters their names", async () => {
  const plan: HttpFilterPlan = {
    create: (_, name) => (next) => (message, call) => {
      message.headers.append("seen", name!);
      return next(message, call);
    },
  };
  assert.deepEqual(await run([filter("one", { plan }), filter("two", { plan })]), ["one", "two"]);
});
