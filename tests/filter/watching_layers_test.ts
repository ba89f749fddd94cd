import assert from "node:assert/strict";
import { istioStatsFilter } from "../../filters/istio_stats.ts";
import { grpcStatsFilter } from "../../filters/grpc_stats.ts";
import { watchingLayers, watchingPlan } from "../../lib/filter/watching_layers.ts";
import type { HttpFilterConfig } from "../../lib/resource/http_connection_manager.ts";
import { fakeContext, fakeTelemetry } from "../filters/fake_call.ts";

function config(plan: object | null, disabled = false): HttpFilterConfig {
  return { name: "f", typeUrl: "t", plan, optional: false, disabled };
}

Deno.test("picks the filters that only watch", () => {
  const stats = istioStatsFilter.parse(new Uint8Array());
  const other = grpcStatsFilter.parse(new Uint8Array());
  assert.equal(watchingPlan(config(stats)), stats);
  for (const plan of [other, null, {}]) assert.equal(watchingPlan(config(plan)), null);
  const context = fakeContext({ telemetry: fakeTelemetry() });
  assert.equal(watchingLayers([config(other), config(stats), config(stats, true), config(null)], context).length, 1);
  assert.equal(watchingLayers([config(stats)], fakeContext()).length, 0, "nothing to record to");
});
