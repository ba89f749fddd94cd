import assert from "node:assert/strict";
import fc from "fast-check";
import { limitModule } from "../../../lib/proxy_wasm/runtime/limit_module.ts";
import { assemble } from "../../support/wasm_rig.ts";

const MAX = 4 * 65_536;
const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** A module of sections: id and content. */
function binary(...sections: [number, number[]][]): Uint8Array {
  return new Uint8Array([...HEADER, ...sections.flatMap(([id, content]) => [id, content.length, ...content])]);
}

Deno.test("everything but limits stays as it is", () => {
  const wat = `(module
    (import "env" "f" (func $f (param i32) (result i64)))
    (import "env" "g" (global i32))
    (memory (export "memory") 1 3)
    (table 2 2 funcref)
    (global (mut i64) (i64.const 5))
    (elem (i32.const 0) $f)
    (data (i32.const 0) "text")
    (func (export "run") (result i64) (call $f (i32.const 1))))`;
  const bytes = assemble(wat);
  assert.deepEqual(limitModule(bytes, MAX).bytes, new Uint8Array(bytes));
});

Deno.test("a memory without a maximum gets one, and so does a table", () => {
  const { bytes } = limitModule(assemble(`(module (memory 1) (table 1 funcref) (table 1 externref))`), MAX);
  const expected = assemble(`(module (memory 1 4) (table 1 65536 funcref) (table 1 65536 externref))`);
  assert.deepEqual(bytes, new Uint8Array(expected));
});

Deno.test("an imported memory is limited, and told of", () => {
  const limited = limitModule(assemble(`(module (import "env" "mem" (memory 2 100)))`), MAX);
  assert.deepEqual(limited.importedMemory, { module: "env", name: "mem", minimum: 2, maximum: 4 });
  assert.deepEqual(limited.bytes, new Uint8Array(assemble(`(module (import "env" "mem" (memory 2 4)))`)));
});

const REFUSED: readonly [string, Uint8Array, RegExp][] = [
  ["more memory than may be", assemble(`(module (memory 5))`), /memory of '5' pages of 64 KiB, of which 4 may be/],
  ["imported memory", assemble(`(module (import "e" "m" (memory 5)))`), /memory of '5' pages/],
  ["two memories", binary([5, [2, 0, 1, 0, 1]]), /several memories/],
  ["an imported memory and one more", binary([2, [1, 1, 101, 1, 109, 2, 0, 1]], [5, [1, 0, 1]]), /several memories/],
  ["shared memory", binary([5, [1, 3, 1, 1]]), /flags '3'/],
  ["memory of 64 bits", binary([5, [1, 4, 1]]), /flags '4'/],
  ["a large table", binary([4, [1, 0x70, 0, 0x81, 0x80, 0x08]]), /table of '131073' elements/],
  ["many tables", binary([4, [9, ...Array(9).fill([0x70, 0, 0]).flat()]]), /'9' tables/],
  ["a table of exceptions", binary([4, [1, 0x69, 0, 0]]), /something other than functions/],
  ["a table of anything", binary([4, [1, 0x63, 0x6e, 0, 0]]), /something other than functions/],
  ["a structure", binary([1, [1, 0x5f, 0]]), /garbage-collected types/],
  ["an array", binary([1, [1, 0x5e, 0x7f, 1]]), /garbage-collected types/],
  ["a group of types", binary([1, [1, 0x4e, 1, 0x60, 0, 0]]), /garbage-collected types/],
  ["large exceptions", binary([1, [1, 0x60, 17, ...Array(17).fill(0x7b), 0]], [13, [1, 0, 0]]), /'17' values/],
  ["imports of an unknown kind", binary([2, [1, 1, 101, 1, 109, 9, 0]]), /kind '9'/],
  ["another version", new Uint8Array([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]), /as a module of version 1/],
  ["nothing", new Uint8Array(0), /breaks off/],
  ["a section that breaks off", new Uint8Array([...HEADER, 5, 100, 1]), /breaks off/],
  ["a number that is too long", binary([5, [1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]]), /more than 32 bits/],
];
for (const [what, bytes, reason] of REFUSED) {
  Deno.test(`${what}: refused`, () => assert.throws(() => limitModule(bytes, MAX), reason));
}

Deno.test("whatever the bytes, the answer is a module within its limits or a TypeError", () => {
  const seed = assemble(`(module (memory (export "memory") 1 9) (table 1 funcref) (func (export "f")))`);
  const mutation = fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(mutation, (mutations) => {
      const bytes = Uint8Array.from(seed);
      for (const [at, value] of mutations) bytes[at] = value;
      let limited;
      try {
        limited = limitModule(bytes, MAX);
      } catch (error) {
        assert.ok(error instanceof TypeError, String(error));
        return;
      }
      if (!WebAssembly.validate(limited.bytes)) return;
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(limited.bytes), {});
      const { memory } = exports;
      if (!(memory instanceof WebAssembly.Memory)) return;
      assert.throws(() => memory.grow(5 - memory.buffer.byteLength / 65_536));
    }),
    { numRuns: 2000 },
  );
});
