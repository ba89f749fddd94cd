import assert from "node:assert/strict";
import fc from "fast-check";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import { NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import { resourceTypes } from "../../lib/resource/resource_types.ts";
import type { ResourceKind } from "../../lib/resource/snapshot.ts";
import { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { readRecording, RECORDING_PARSERS, recordingNames } from "../vector/recording.ts";

const KINDS: readonly ResourceKind[] = ["cluster", "endpoint", "listener", "route", "nameTable"];
const TYPES = resourceTypes(RECORDING_PARSERS, "default", () => {});

/** Real resources, to be damaged. */
const SAMPLES: readonly { kind: ResourceKind; name: string; bytes: Uint8Array }[] = recordingNames()
  .filter((name) => /^(basic|tls-modes|tcp|jwt|telemetry|external)\//.test(name))
  .flatMap((name) => readRecording(name).updates)
  .flatMap(({ kind, update }) => [...update.changed].map(([name, bytes]) => ({ kind, name, bytes })));

/** Some of the damage that happens to bytes: flipped, cut, repeated, spliced. */
const damage = fc.record({
  sample: fc.nat(SAMPLES.length - 1),
  flips: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
  cut: fc.option(fc.nat(), { freq: 3 }),
  splice: fc.option(fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 12 })), { freq: 3 }),
});

function damaged({ sample, flips, cut, splice }: typeof damage extends fc.Arbitrary<infer T> ? T : never) {
  const { kind, name, bytes } = SAMPLES[sample]!;
  let out = bytes.slice();
  for (const [position, value] of flips) if (out.length > 0) out[position % out.length] = value;
  if (splice !== null) {
    const at = splice[0] % (out.length + 1);
    out = new Uint8Array([...out.subarray(0, at), ...splice[1], ...out.subarray(at)]);
  }
  if (cut !== null) out = out.subarray(0, cut % (out.length + 1));
  return { kind, name, bytes: out };
}

function assertResult(result: { ok: true } | { ok: false; errors: readonly string[] }): void {
  if (result.ok) return;
  assert.ok(result.errors.length > 0);
  for (const error of result.errors) {
    assert.match(error, /^(Cannot|There are) /);
    // deno-lint-ignore no-control-regex -- control characters are what must not be in it.
    assert.doesNotMatch(error, /[\x00-\x1f]/);
    assert.ok(error.length < 2_000);
  }
}

Deno.test("Damaged resources are read or refused, and nothing is thrown", () => {
  fc.assert(
    fc.property(damage, (input) => {
      const { kind, bytes } = damaged(input);
      assertResult(TYPES[kind].parse(bytes));
    }),
    { numRuns: 1_500 },
  );
});

Deno.test("Random bytes are read or refused, and nothing is thrown", () => {
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), fc.uint8Array({ maxLength: 200 }), (kind, bytes) => {
      assertResult(TYPES[kind].parse(bytes));
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("A store that is fed damaged resources keeps working, decoded only or read completely", () => {
  const update = fc.record({ damage, remove: fc.boolean(), full: fc.boolean() });
  fc.assert(
    fc.property(fc.array(update, { maxLength: 12 }), fc.boolean(), (updates, thorough) => {
      const clock = new FakeClock();
      const store = new SnapshotStore({
        parsers: NO_FILTER_PARSERS,
        clientNamespace: "default",
        clock,
        ...(thorough ? {} : { thoroughBytes: 0 }),
      });
      for (const { damage, remove, full } of updates) {
        const { kind, name, bytes } = damaged(damage);
        const reports = store.apply(kind, {
          changed: remove ? new Map() : new Map([[name, bytes]]),
          removed: remove ? [name] : [],
          full,
        });
        for (const report of reports) assert.ok(report.errors.length > 0);
        const { current } = store;
        for (const cluster of current.clusterNames) current.cluster(cluster);
        for (const listener of current.listenerNames) assert.ok(current.listener(listener));
        for (const route of current.routeNames) current.route(route);
        for (const eds of store.wanted("endpoint")) current.endpoints(eds);
        current.nameTable.lookup("a");
      }
      store.close();
    }),
    { numRuns: 150 },
  );
});

Deno.test("Structs that nest without end do not end the process", () => {
  // google.protobuf.Value.struct_value (5) -> Struct.fields (1) -> entry value (2), ten thousand times.
  let value = new Uint8Array([0x1a, 0x00]);
  const wrap = (tag: number, inner: Uint8Array) => {
    const length: number[] = [];
    for (let rest = inner.length;; rest >>>= 7) {
      length.push(rest > 127 ? rest & 127 | 128 : rest);
      if (rest <= 127) break;
    }
    const out = new Uint8Array(1 + length.length + inner.length);
    out.set([tag, ...length]);
    out.set(inner, 1 + length.length);
    return out;
  };
  for (let depth = 0; depth < 2_000; depth++) value = wrap(0x2a, wrap(0x0a, wrap(0x12, value)));
  // Cluster.metadata (25) -> filter_metadata (1) -> entry value (2), a Struct.
  const entry = wrap(0x0a, wrap(0x12, wrap(0x0a, wrap(0x12, value))));
  const cluster = new Uint8Array([0xca, 0x01, ...wrap(0, entry).subarray(1)]);
  const result = TYPES.cluster.parse(cluster);
  assert.equal(result.ok, false);
});

Deno.test("What a resource says cannot forge lines of a log", () => {
  const bytes = encode("envoy.config.route.v3.RouteConfiguration", {
    name: "80",
    virtualHosts: [{
      name: "v",
      domains: ["*"],
      routes: [{ match: { safeRegex: { regex: "(\n\x1b[31m" } }, redirect: {} }],
      typedPerFilterConfig: { "a\nb": packAny("google.protobuf.StringValue", {}), "c\r": {} },
    }],
  });
  assertResult(TYPES.route.parse(bytes));
});
