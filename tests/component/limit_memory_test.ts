import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import fc from "fast-check";
import assert from "node:assert/strict";
import { limitMemory } from "../../lib/component/limit_memory.ts";

await parse("(module)");

const PAGE = 65_536;
const module = async (memory: string) =>
  new Uint8Array(
    await parse(`(module ${memory} (func (export "f") (result i32) i32.const 7) (data (i32.const 0) "abc"))`),
  );

Deno.test("no memory grows beyond the limit, and a lower maximum stays", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(4), fc.option(fc.nat(300)), fc.integer({ min: 3, max: 200 }), async (min, more, limit) => {
      const max = more === null ? null : min + more;
      const given = await module(`(memory (export "m") ${min + 1} ${max === null ? "" : max + 1})`);
      if (min + 1 > limit) return assert.throws(() => limitMemory(given, limit * PAGE + 5), RangeError);
      const bytes = limitMemory(given, limit * PAGE + 5);
      const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(bytes));
      const memory = exports.m as WebAssembly.Memory;
      const most = Math.min(limit, max === null ? limit : max + 1);
      assert.equal((exports.f as () => number)(), 7);
      memory.grow(most - min - 1);
      assert.throws(() => memory.grow(1), RangeError);
    }),
    { numRuns: 200 },
  );
});

Deno.test("what wants more from the start is refused, what has no memory stays as it is", async () => {
  const big = await module("(memory 20)");
  assert.throws(
    () => limitMemory(big, 19 * PAGE),
    /It wants '1310720' bytes of memory from the start, and '1245184' is/,
  );
  const none = new Uint8Array(await parse("(module)"));
  assert.equal(limitMemory(none, PAGE), none);
  const shared = new Uint8Array(await parse("(module (memory 1 2 shared))"));
  assert.throws(() => limitMemory(shared, 9 * PAGE), /shared/);
});
