import assert from "node:assert/strict";
import { MemoryCache } from "../../../lib/proxy_wasm/source/memory_cache.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";

Deno.test("Modules stay while there is room and they are used, the one used longest ago goes first", async () => {
  const clock = new FakeClock();
  const cache = new MemoryCache({ clock, maxBytes: 10, expiryMs: 100 });
  cache.set("a", new Uint8Array(4));
  cache.set("b", new Uint8Array(4));
  assert.equal(cache.get("a")?.length, 4);
  cache.set("c", new Uint8Array(4));
  assert.deepEqual(["a", "b", "c"].map((digest) => cache.get(digest) !== null), [true, false, true]);
  cache.set("huge", new Uint8Array(11));
  assert.deepEqual(["a", "huge"].map((digest) => cache.get(digest) !== null), [true, false]);
  cache.set("a", new Uint8Array(5));
  assert.equal(cache.get("c")?.length, 4, "the same digest takes no room twice");
  await clock.advance(99);
  assert.notEqual(cache.get("a"), null);
  await clock.advance(1);
  assert.deepEqual(["a", "c"].map((digest) => cache.get(digest) !== null), [true, false]);
});
