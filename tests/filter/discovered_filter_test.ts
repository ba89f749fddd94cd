import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { currentNetworkFilter } from "../../lib/filter/discovered_filter.ts";
import type { HttpFilterPlan } from "../../lib/filter/http_filter.ts";
import { httpFilterLayers } from "../../lib/filter/http_filter_layers.ts";
import { watchingLayers } from "../../lib/filter/watching_layers.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpResponse } from "../../lib/http/message.ts";
import { stack } from "../../lib/internal/layer.ts";
import type { Extension } from "../../lib/resource/extension.ts";
import type { FilterDiscovery } from "../../lib/resource/filter_discovery.ts";
import { FILTER_DISABLED } from "../../lib/resource/filter_parsers.ts";
import type { HttpFilterConfig } from "../../lib/resource/http_connection_manager.ts";
import { callOf, filterContext, request } from "../support/calls.ts";
import { route, virtualHost } from "../support/resource_objects.ts";

const ANSWER: HttpResponse = { status: 200, headers: new HeaderList(), body: null };

/** A filter that leaves its mark, and counts how often it was built. */
function marking(mark: string, watches = false): HttpFilterPlan & { built: number; held: Promise<void> | null } {
  const plan = {
    built: 0,
    watches,
    held: null as Promise<void> | null,
    create: (): ReturnType<HttpFilterPlan["create"]> => {
      plan.built++;
      return (next) => async (message, call) => {
        message.headers.append("seen", mark);
        if (plan.held !== null) await plan.held;
        message.headers.append("seen", `${mark} after`);
        return next(message, call);
      };
    },
  };
  return plan;
}

function filter(discovery: Partial<FilterDiscovery> = {}, fields: Partial<HttpFilterConfig> = {}): HttpFilterConfig {
  const from: FilterDiscovery = { types: new Set(["a.B"]), fallback: null, waits: true, timeoutMs: 0, ...discovery };
  return { name: "x", typeUrl: "a.B", plan: null, optional: false, disabled: false, discovery: from, ...fields };
}

function ordinary(name: string, plan: object): HttpFilterConfig {
  return { name, typeUrl: "c.D", plan, optional: false, disabled: false };
}

/** A chain over extensions that can be changed. */
class Chain {
  extension: Extension | null = null;
  #handler;

  constructor(filters: readonly HttpFilterConfig[]) {
    const context = { ...filterContext(), extension: (name: string) => name === "x" ? this.extension : null };
    const layers = [...watchingLayers(filters, context), ...httpFilterLayers(filters, context)];
    this.#handler = stack(layers, () => Promise.resolve(ANSWER));
  }

  arrives(http: object | null, typeUrl = "a.B"): void {
    this.extension = { name: "x", typeUrl, http, network: null };
  }

  async seen(ofRoute: Record<string, object> = {}): Promise<string[]> {
    const message = request();
    const call = callOf(message);
    const perFilterConfig = new Map(Object.entries(ofRoute));
    call.chosen = { virtualHost: virtualHost(), route: route({ perFilterConfig }), clusterName: null };
    await this.#handler(message, call);
    return message.headers.getAll("seen").filter((mark) => !mark.endsWith("after"));
  }
}

function refused(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MeshError);
    assert.deepEqual([error.code, error.meaning.flag, error.meaning.status], ["FILTER_CONFIG_NOT_FOUND", "NFCF", 500]);
    assert.match(error.message, pattern);
    return true;
  };
}

Deno.test("A discovered filter refuses until its configuration has arrived, and when it is gone", async () => {
  const chain = new Chain([filter()]);
  await assert.rejects(chain.seen(), refused(/configuration of filter 'x' has not arrived/));
  chain.arrives(marking("one"));
  assert.deepEqual(await chain.seen(), ["one"]);
  chain.extension = null;
  await assert.rejects(chain.seen(), refused(/has not arrived/));
  assert.deepEqual(await chain.seen({ x: FILTER_DISABLED }), [], "the route goes without");
});

Deno.test("A discovered filter is built once a configuration, and alone", async () => {
  const other = marking("other");
  const chain = new Chain([filter(), ordinary("other", other)]);
  const [one, two] = [marking("one"), marking("two")];
  chain.arrives(one);
  assert.deepEqual(await chain.seen(), ["one", "other"]);
  await chain.seen();
  chain.arrives(two);
  assert.deepEqual(await chain.seen(), ["two", "other"]);
  assert.deepEqual([one.built, two.built, other.built], [1, 1, 1]);
});

Deno.test("A request in flight stays with the configuration it came to", async () => {
  const chain = new Chain([filter()]);
  const one = marking("one");
  const hold = Promise.withResolvers<void>();
  one.held = hold.promise;
  chain.arrives(one);
  const message = request();
  const call = callOf(message);
  const before = stackOf(chain)(message, call);
  chain.arrives(marking("two"));
  assert.deepEqual(await chain.seen(), ["two"]);
  hold.resolve();
  await before;
  assert.deepEqual(message.headers.getAll("seen"), ["one", "one after"]);
});

function stackOf(chain: Chain) {
  const context = { ...filterContext(), extension: () => chain.extension };
  return stack(httpFilterLayers([filter()], context), () => Promise.resolve(ANSWER));
}

Deno.test("The default configuration serves until there is another, and for one of a type the filter does not take", async () => {
  const chain = new Chain([filter({ fallback: { typeUrl: "a.B", plan: marking("default") } })]);
  assert.deepEqual(await chain.seen(), ["default"]);
  chain.arrives(marking("one"));
  assert.deepEqual(await chain.seen(), ["one"]);
  chain.arrives(marking("strange"), "c.D");
  assert.deepEqual(await chain.seen(), ["default"]);
  const without = new Chain([filter()]);
  without.arrives(marking("strange"), "c.D");
  await assert.rejects(without.seen(), refused(/has not arrived/));
});

Deno.test("A configuration of an unsupported type refuses and says so", async () => {
  const chain = new Chain([filter()]);
  chain.arrives(null);
  await assert.rejects(chain.seen(), refused(/requires filter 'x' \(a\.B\).*unsupportedFilters: \{ "x": "skip" \}/));
});

Deno.test("A discovered filter that only watches stands outermost", async () => {
  const inner = ordinary("inner", marking("inner"));
  const chain = new Chain([inner, filter()]);
  chain.arrives(marking("watcher", true));
  assert.deepEqual(await chain.seen(), ["watcher", "inner"]);
  chain.arrives(marking("filter"));
  assert.deepEqual(await chain.seen(), ["inner", "filter"]);
});

Deno.test("A discovered filter that is off in its chain runs where the route has configuration for it", async () => {
  const chain = new Chain([filter({}, { disabled: true })]);
  chain.arrives(marking("one"));
  assert.deepEqual(await chain.seen(), []);
  assert.deepEqual(await chain.seen({ x: {} }), ["one"]);
});

Deno.test("A network filter to be discovered is what has arrived, the default, or one that refuses", () => {
  const plan = {};
  const discovery: FilterDiscovery = { types: new Set(["a.B"]), fallback: null, waits: true, timeoutMs: 0 };
  const discovered = { kind: "discovered", name: "x", discovery } as const;
  const arrived: Extension = { name: "x", typeUrl: "a.B", http: null, network: plan };
  const unsupported = { kind: "unsupported", name: "x", typeUrl: "a.B" };
  assert.deepEqual(currentNetworkFilter(discovered, () => arrived), {
    kind: "filter",
    name: "x",
    typeUrl: "a.B",
    plan,
  });
  assert.deepEqual(currentNetworkFilter(discovered, () => null), unsupported);
  assert.deepEqual(currentNetworkFilter(discovered, undefined), unsupported);
  assert.deepEqual(currentNetworkFilter(discovered, () => ({ ...arrived, network: null })), unsupported);
  const fallback = { typeUrl: "a.B", plan };
  const spare = { ...discovered, discovery: { ...discovery, fallback } };
  assert.equal(currentNetworkFilter(spare, () => null).kind, "filter");
  assert.equal(currentNetworkFilter(spare, () => ({ ...arrived, typeUrl: "c.D", network: null })).kind, "filter");
  const own = { kind: "filter", name: "y", typeUrl: "c.D", plan } as const;
  assert.equal(currentNetworkFilter(own, undefined), own);
});
