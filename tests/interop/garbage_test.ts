/** 100,000 garbage connections (a tenth without `--full`) to a `mesh.serve` of its own process: nothing is kept of them. */
import assert from "node:assert/strict";
import { FakeIstiod } from "../../lib/testing/mod.ts";
import { measureFlood } from "../bench/http/garbage.ts";

Deno.test("garbage connections leave the heap flat, and honest requests are answered meanwhile", async () => {
  const connections = Deno.env.get("ENMESH_INTEROP_FULL") === "1" ? 100_000 : 10_000;
  await using istiod = await FakeIstiod.start();
  const { growthMiB, answered } = await measureFlood(istiod, connections);
  assert.equal(answered, connections / 100);
  assert.ok(growthMiB <= 2, `the heap grew by ${growthMiB.toFixed(2)} MiB over ${connections} connections`);
});
