import assert from "node:assert/strict";
import { ModuleCache } from "../../lib/proxy_wasm/module_cache.ts";
import type { WasmModule } from "../../lib/proxy_wasm/runtime/runtime.ts";
import { collectGarbage } from "../support/collect_garbage.ts";

function module(): WasmModule {
  return { imports: [], functions: new Set() };
}

Deno.test("module cache: what is being compiled is compiled once, and known afterwards", async () => {
  const cache = new ModuleCache();
  let compiled = 0;
  const compile = () => {
    compiled++;
    return Promise.resolve(module());
  };
  const [a, b] = await Promise.all([cache.get("a", compile), cache.get("a", compile)]);
  assert.equal(a, b);
  assert.equal(await cache.get("a", compile), a);
  assert.equal(compiled, 1);
  assert.notEqual(await cache.get("b", compile), a);
});

Deno.test("module cache: a failure is told to everyone who waits, and not remembered", async () => {
  const cache = new ModuleCache();
  const failing = () => Promise.reject(new Error("Cannot compile"));
  const results = await Promise.allSettled([cache.get("a", failing), cache.get("a", failing)]);
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "rejected"]);
  assert.ok(await cache.get("a", () => Promise.resolve(module())));
});

Deno.test("module cache: modules in use and the newest eight are kept, others are not", async () => {
  const cache = new ModuleCache();
  const used = await cache.get("used", () => Promise.resolve(module()));
  for (let i = 0; i < 40; i++) await cache.get(`${i}`, () => Promise.resolve(module()));
  await collectGarbage(() => cache.size <= 9);
  assert.equal(cache.size, 9);
  const again = () => Promise.reject(new Error("Cannot be: it is known"));
  assert.equal(await cache.get("used", again), used);
  await cache.get("39", again);
});
