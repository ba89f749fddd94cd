/** What a route and a filter say about the host of a request reaches the load balancer. */
import assert from "node:assert/strict";
import { createRouter } from "../../filters/router.ts";
import type { Call } from "../../lib/http/call.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpResponse } from "../../lib/http/message.ts";
import type { LoadBalancing } from "../../lib/resource/load_balancing.ts";
import type { ForwardAction } from "../../lib/resource/route.ts";
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
import { FakeUpstream, request } from "./fake_upstream.ts";

const ENDPOINTS = ["v1", "v2", "v2"].map((version, i) =>
  endpoint(`10.0.0.${i + 1}`, 80, { metadata: { "envoy.lb": { version, stage: i === 2 ? "test" : "prod" } } })
);
const SUBSETS = {
  fallback: "no_fallback",
  defaultSubset: {},
  selectors: [
    { keys: ["version"], fallback: null, fallbackKeys: [], singleHost: false },
    { keys: ["stage", "version"], fallback: null, fallbackKeys: [], singleHost: false },
  ],
  allowRedundantKeys: false,
  localityWeightAware: false,
  scaleLocalityWeight: false,
  panicModeAny: false,
  listAsAny: false,
  metadataFallbackList: false,
} as const;

class Rig {
  readonly fake: FakeUpstream;
  readonly #action: ForwardAction;

  constructor(settings: Partial<LoadBalancing>, action: Partial<ForwardAction> = {}) {
    this.#action = forwardAction(action);
    this.fake = new FakeUpstream({
      clusters: [cluster({ loadBalancing: loadBalancing({ policy: "round_robin", ...settings }) })],
      assignments: [loadAssignment([locality(ENDPOINTS)])],
    });
    this.fake.onRequest = (received) => received.answer(200, [], "");
  }

  send(
    headers: string[] = [],
    prepare: (call: Call) => void = () => {},
  ): { call: Call; response: Promise<HttpResponse> } {
    const table = compileRoutes(routeConfiguration({
      virtualHosts: [virtualHost({ routes: [route({ action: this.#action })] })],
    }));
    const of = request({ headers: new HeaderList(headers) });
    const call = callOf(of);
    call.chosen = table.choose(of, this.fake.random);
    prepare(call);
    const { manager, clock, random } = this.fake;
    return { call, response: createRouter({ clusters: manager, clock, random })(of, call) };
  }

  async reached(...of: Parameters<Rig["send"]>): Promise<string | null> {
    const { call, response } = this.send(...of);
    await response;
    return call.endpoint?.key ?? null;
  }
}

Deno.test("The metadata a route wants choose the subset", async () => {
  const rig = new Rig({ subset: SUBSETS }, { subset: { version: "v2" } });
  const reached = [await rig.reached(), await rig.reached(), await rig.reached()];
  assert.deepEqual([...new Set(reached)].sort(), ["10.0.0.2:80", "10.0.0.3:80"]);
});

Deno.test("A weighted cluster wants more, and overrules the route", async () => {
  const weighted = {
    name: "backend",
    header: null,
    weight: 1,
    headers: noHeaders,
    hostRewrite: null,
    perFilterConfig: new Map(),
    subset: { version: "v2", stage: "test" },
  };
  const rig = new Rig({ subset: SUBSETS }, {
    subset: { version: "v1" },
    cluster: { kind: "weighted", clusters: [weighted], totalWeight: 1, drawHeader: null },
  });
  assert.equal(await rig.reached(), "10.0.0.3:80");
});

Deno.test("A subset that does not exist fails with UH", async () => {
  const rig = new Rig({ subset: SUBSETS }, { subset: { version: "v9" } });
  const { call, response } = rig.send();
  const answered = await response;
  assert.equal(answered.status, 503);
  assert.match(new TextDecoder().decode(answered.body!.whole()!), /has the metadata '\{"version":"v9"\}'/);
  assert.equal(call.responseFlags, "UH");
});

Deno.test("A session's host is taken first, a retry goes elsewhere", async () => {
  const rig = new Rig({}, {
    retryPolicy: retryPolicy(["5xx"], { numRetries: 1, previousHosts: true, hostSelectionRetryMaxAttempts: 9 }),
  });
  const override = (call: Call) => call.overrideHost = { address: "10.0.0.3:80", strict: false };
  for (let i = 0; i < 4; i++) assert.equal(await rig.reached([], override), "10.0.0.3:80");
  let attempts = 0;
  rig.fake.onRequest = (received) => received.answer(attempts++ === 0 ? 503 : 200, [], "");
  const { call, response } = rig.send([], override);
  await rig.fake.clock.advance(100);
  for (let i = 0; i < 5 && attempts < 2; i++) await rig.fake.clock.advance(100);
  assert.equal((await response).status, 200);
  assert.notEqual(call.endpoint!.key, "10.0.0.3:80");
});

Deno.test("A strict session fails without its host", async () => {
  const rig = new Rig({});
  const { call, response } = rig.send([], (call) => call.overrideHost = { address: "10.9.9.9:80", strict: true });
  const answered = await response;
  assert.equal(answered.status, 503);
  assert.match(new TextDecoder().decode(answered.body!.whole()!), /its session wants '10.9.9.9:80'/);
  assert.equal(call.responseFlags, "UH");
});

Deno.test("A header names the host where the policy is override_host", async () => {
  const rig = new Rig({ overrideHostHeaders: ["x-host"] });
  for (let i = 0; i < 4; i++) assert.equal(await rig.reached(["x-host", "10.0.0.2:80"]), "10.0.0.2:80");
});
