import assert from "node:assert/strict";
import fc from "fast-check";
import { Status } from "../../../lib/proxy_wasm/abi.ts";
import { FakeClusters, settle } from "../../support/fake_clusters.ts";
import { HOST_FUNCTIONS, pairsOf, WasmProbe } from "../../support/wasm_probe.ts";
import { TestEnvironment } from "../../support/wasm_rig.ts";

const STATUSES: ReadonlySet<number> = new Set(Object.values(Status));
/** Memory of the probe. */
const SIZE = 40 * 65_536;

/** Numbers that are something in one place or another: pointers, sizes, ids, ends of the memory. */
const word = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 512, 1024, 1028, 2048, 4096, SIZE - 4, SIZE - 1, SIZE),
  fc.constantFrom(-1, -4, 0x7fff_ffff, -0x8000_0000, 1_048_576),
  fc.integer(),
);
const long = fc.oneof(fc.constantFrom(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)), fc.bigInt({ min: -100n, max: 100n }));

Deno.test("host functions take any arguments: they answer with a status, and nothing is thrown", async () => {
  const clusters = new FakeClusters("c");
  const probe = new WasmProbe(new TestEnvironment(clusters));
  const { memory } = probe.vm;
  // What pointers can meet: a cluster, a map, text.
  memory.write(1024, new TextEncoder().encode("c"));
  memory.write(1028, pairsOf([":method", "GET"], [":path", "/"], [":authority", "a"]));
  memory.write(2048, new TextEncoder().encode("clear_route_cache"));
  const call = fc.constantFrom(...Object.entries(HOST_FUNCTIONS)).chain(([name, kinds]) =>
    fc.tuple(fc.constant(name), fc.tuple(...[...kinds].map((kind) => kind === "l" ? long : word)))
  );
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 20 }), (calls) => {
      probe.inside(() => {
        for (const [name, args] of calls) {
          const { status } = probe.call(name, ...args);
          assert.ok(STATUSES.has(status), `${name} answered ${status}`);
        }
      });
      assert.equal(probe.vm.failure, null);
    }),
    { numRuns: 3000 },
  );
  for (const { answer } of clusters.sent) answer({});
  await settle();
  await probe.environment.clock.advance(1);
  probe.root.close();
  await settle();
  assert.equal(probe.environment.clock.pendingTimers, 0);
});
