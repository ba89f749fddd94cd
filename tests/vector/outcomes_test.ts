/**
 * Requests written beside the recordings of a real istiod: under what it sent each gets the outcome that its objects
 * ask for, and under what FakeIstiod makes of the same objects the very same.
 */
import assert from "node:assert/strict";
import type { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import { CANARY, CANARY_SERVER } from "./outcomes/canary.ts";
import { ENVOY_FILTER, ENVOY_FILTER_SERVER, ENVOY_FILTER_SKIPPED } from "./outcomes/envoy_filter.ts";
import { EXTERNAL, EXTERNAL_DNS, EXTERNAL_REGISTRY_ONLY } from "./outcomes/external.ts";
import { GATEWAY_API } from "./outcomes/gateway_api.ts";
import { GRPC_TABLE } from "./outcomes/grpc.ts";
import { HASHING, HASHING_SERVER } from "./outcomes/hashing.ts";
import { LOCALITY, LOCALITY_SERVER } from "./outcomes/locality.ts";
import { mismatches } from "./outcomes/mismatches.ts";
import { outcomeOf, sharesOf } from "./outcomes/outcome.ts";
import type { OutcomeCase, OutcomeSequence, OutcomeTable } from "./outcomes/outcome_table.ts";
import { RESILIENCE, RESILIENCE_SERVER } from "./outcomes/resilience.ts";
import { SEQ_ENDPOINTS } from "./outcomes/seq_endpoints.ts";
import { SEQ_EXTENSIONS, SEQ_EXTENSIONS_SERVER } from "./outcomes/seq_extensions.ts";
import { SEQ_ROUTING } from "./outcomes/seq_routing.ts";
import { SEQ_SECURITY, SEQ_SECURITY_SERVER } from "./outcomes/seq_security.ts";
import { SIDECAR_SCOPE, SIDECAR_SCOPE_SERVER } from "./outcomes/sidecar_scope.ts";
import { applyUpdates, configFiles, FakeScenario, openStore, recordedSteps, stepFiles } from "./outcomes/stores.ts";

const TABLES: readonly OutcomeTable[] = [
  CANARY,
  CANARY_SERVER,
  ENVOY_FILTER,
  ENVOY_FILTER_SERVER,
  ENVOY_FILTER_SKIPPED,
  EXTERNAL,
  EXTERNAL_DNS,
  EXTERNAL_REGISTRY_ONLY,
  GATEWAY_API,
  GRPC_TABLE,
  HASHING,
  HASHING_SERVER,
  LOCALITY,
  LOCALITY_SERVER,
  RESILIENCE,
  RESILIENCE_SERVER,
  SIDECAR_SCOPE,
  SIDECAR_SCOPE_SERVER,
];
const SEQUENCES: readonly OutcomeSequence[] = [
  SEQ_ENDPOINTS,
  SEQ_EXTENSIONS,
  SEQ_EXTENSIONS_SERVER,
  SEQ_ROUTING,
  SEQ_SECURITY,
  SEQ_SECURITY_SERVER,
];

/** Every case that does not come out as written. */
async function failures(store: SnapshotStore, cases: readonly OutcomeCase[]): Promise<string[]> {
  const found: string[] = [];
  for (const item of cases) {
    const name = `${item.request} ${JSON.stringify(item.headers ?? {})}`;
    if (item.expect !== undefined) {
      for (const line of mismatches(await outcomeOf(store, item), item.expect)) found.push(`${name}: ${line}`);
    }
    if (item.shares !== undefined) {
      for (const line of mismatches(await sharesOf(store, item), item.shares)) found.push(`${name}: ${line}`);
    }
  }
  return found;
}

/** Holds the whole outcome of every case against that of the recording. */
async function assertSame(
  ours: SnapshotStore,
  theirs: SnapshotStore,
  cases: readonly OutcomeCase[],
  skip: RegExp | undefined,
): Promise<void> {
  for (const item of cases) {
    if (skip?.test(item.request)) continue;
    const name = `${item.request} ${JSON.stringify(item.headers ?? {})}`;
    assert.deepEqual(await outcomeOf(ours, item), await outcomeOf(theirs, item), name);
    if (item.shares !== undefined) assert.deepEqual(await sharesOf(ours, item), await sharesOf(theirs, item), name);
  }
}

for (const table of TABLES) {
  const { recording, reports = [], skipFilters = [], fake, cases } = table;
  const title = `${recording}${skipFilters.length === 0 ? "" : ` without ${skipFilters}`}`;
  const open = () => {
    const { namespace, steps } = recordedSteps(recording);
    const store = openStore(namespace, skipFilters);
    applyUpdates(store, [...steps.values()].flat(), reports);
    assert.equal(store.ready, true, "the configuration is not complete");
    return store;
  };
  Deno.test(`${title}: ${cases.length} requests get what the objects ask for`, async () => {
    const store = open();
    assert.deepEqual(await failures(store, cases), []);
    store.close();
  });
  if (fake === null) continue;
  Deno.test(`${title}: FakeIstiod has the outcomes of the recording`, async () => {
    const theirs = open();
    const scenario = new FakeScenario(recording, fake.without, fake.registryOnly, reports);
    for (const file of configFiles(recording.split("/")[0]!)) scenario.change("apply", file);
    scenario.push();
    assert.equal(scenario.store.ready, true, "the fake's configuration is not complete");
    await assertSame(scenario.store, theirs, cases, fake.skip);
    theirs.close();
    scenario.store.close();
  });
}

for (const { recording, reports = [], skipFilters = [], fake, steps: cases, recordedOnly = {} } of SEQUENCES) {
  const scenario = recording.split("/")[0]!;
  Deno.test(`${recording}: each step changes what it asks for, on the recording and on FakeIstiod`, async (t) => {
    const { namespace, steps } = recordedSteps(recording);
    const theirs = openStore(namespace, skipFilters);
    const ours = fake === null ? null : new FakeScenario(recording, fake.without, fake.registryOnly, reports);
    const files = stepFiles(scenario);
    for (const name of ["initial", ...files.keys()]) {
      // Steps that concern somebody else send nothing: what was so stays so.
      applyUpdates(theirs, steps.get(name) ?? [], reports);
      if (name === "initial") { for (const file of configFiles("basic")) ours?.change("apply", file); }
      else ours?.change(name.includes("-delete-") ? "delete" : "apply", files.get(name)!);
      ours?.push();
      const own = cases[name] ?? [];
      await t.step(name, async () => {
        assert.deepEqual(await failures(theirs, [...own, ...recordedOnly[name] ?? []]), []);
        if (ours !== null) await assertSame(ours.store, theirs, own, fake!.skip);
      });
    }
    assert.deepEqual(
      Object.keys({ ...cases, ...recordedOnly }).filter((name) => name !== "initial" && !files.has(name)),
      [],
      "unknown steps",
    );
    theirs.close();
    ours?.store.close();
  });
}
