import assert from "node:assert/strict";
import { filterParsers } from "../../lib/filter/filter_registry.ts";
import { FILTERS } from "../../lib/filters.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { inboundStack } from "../../lib/inbound.ts";
import type { HttpConnectionManager } from "../../lib/resource/http_connection_manager.ts";
import type { Snapshot } from "../../lib/resource/snapshot.ts";
import { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { callOf, filterContext, request } from "../support/calls.ts";
import { readRecording } from "./recording.ts";

/** What a real istiod sent for EnvoyFilters with Lua, a local rate limit and a filter nobody knows. */
function applied(node: string, skip: readonly string[] = []) {
  const recording = readRecording(`envoyfilter/${node}`);
  const store = new SnapshotStore({
    parsers: filterParsers(FILTERS, new Set(skip)),
    clientNamespace: recording.namespace,
    clock: new FakeClock(),
  });
  const reports = recording.updates.flatMap(({ kind, update }) => [...store.apply(kind, update)]);
  return { store, reports };
}

function managers(snapshot: Snapshot): HttpConnectionManager[] {
  const { virtualInbound } = snapshot;
  assert.ok(virtualInbound !== null);
  return virtualInbound.filterChains.flatMap(({ filters }) =>
    filters.flatMap((filter) => filter.kind === "http_connection_manager" ? [filter.config] : [])
  );
}

/** Statuses of requests at one chain, and the text of the last answer. */
async function serve(snapshot: Snapshot, manager: HttpConnectionManager, times: number) {
  const stack = inboundStack(manager, () => Promise.resolve({ status: 200, headers: new HeaderList(), body: null }), {
    snapshots: { current: snapshot, subscribe: () => () => {} },
    context: filterContext({ direction: "inbound" }),
    openAccessLog: () => {
      throw new Error("There is no access log in this recording");
    },
  });
  const statuses: number[] = [];
  let body = "";
  for (let count = 0; count < times; count++) {
    const message = request();
    const response = await stack({ ...message }, callOf(message, { direction: "inbound" }));
    statuses.push(response.status);
    body = new TextDecoder().decode(response.body?.whole() ?? new Uint8Array());
  }
  return { statuses, body };
}

const names = (manager: HttpConnectionManager) => manager.httpFilters.map(({ name }) => name);

Deno.test("An unsupported filter of an EnvoyFilter is reported by its resource, and only its chain refuses", async () => {
  const { store, reports } = applied("httpbin");
  const reported = reports.filter(({ errors }) => errors.length > 0);
  assert.deepEqual(reported.map(({ name, applied }) => [name, applied]), [["virtualInbound", true]]);
  assert.match(reported[0]!.errors.join("\n"), /lua\.v3\.Lua/);
  const all = managers(store.current);
  const withLua = all.find((manager) => names(manager).includes("lab.lua"))!;
  const without = all.find((manager) => !names(manager).includes("lab.lua"))!;
  const refused = await serve(store.current, withLua, 1);
  assert.deepEqual(refused.statuses, [500]);
  assert.match(refused.body, /requires filter 'lab\.lua'.*unsupportedFilters: \{ "lab\.lua": "skip" \}/);
  assert.deepEqual((await serve(store.current, without, 1)).statuses, [200]);
  store.close();
});

Deno.test("A filter the user skips is left out, and the others of the chain work in their order", async () => {
  const { store, reports } = applied("httpbin", ["lab.lua"]);
  assert.deepEqual(reports.filter(({ errors }) => errors.length > 0), []);
  const manager = managers(store.current).find((candidate) => names(candidate).includes("lab.lua"))!;
  assert.equal(names(manager)[0], "lab.local_ratelimit");
  const { statuses, body } = await serve(store.current, manager, 11);
  assert.deepEqual(statuses, [...new Array(10).fill(200), 429]);
  assert.equal(body, "local_rate_limited");
  store.close();
});

Deno.test("A filter nobody knows is reported for every listener that has it, and the rest of the update applies", () => {
  const { store, reports } = applied("sleep");
  const reported = reports.filter(({ errors }) => errors.length > 0);
  assert.ok(reported.length > 0);
  for (const { errors, applied } of reported) {
    assert.equal(applied, true);
    assert.match(errors.join("\n"), /lab\.unknown\.Filter/);
  }
  assert.ok(store.current.cluster("lab.extra") !== null);
  store.close();
});
