import assert from "node:assert/strict";
import fc from "fast-check";
import { Status } from "../../lib/proxy_wasm/abi.ts";
import { GuestMemory } from "../../lib/proxy_wasm/guest_memory.ts";

const PAGE = 65536;

function memoryWith(
  allocate: ((size: number) => number) | null = null,
): { memory: GuestMemory; raw: WebAssembly.Memory } {
  const raw = new WebAssembly.Memory({ initial: 1 });
  const memory = new GuestMemory();
  memory.attach(raw as { readonly buffer: ArrayBuffer }, allocate as ((size: unknown) => number) | null);
  return { memory, raw };
}

Deno.test("memory: every byte survives as text, short and long", () => {
  const { memory } = memoryWith();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    assert.ok(memory.write(100, bytes));
    const text = memory.text(100, bytes.length)!;
    assert.equal(text.length, bytes.length);
    assert.deepEqual(Uint8Array.from(text, (c) => c.charCodeAt(0)), bytes);
  }));
});

Deno.test("memory: a range that is not within it is refused, with signed and huge numbers too", () => {
  const { memory } = memoryWith(() => 8);
  for (const [pointer, size] of [[PAGE, 1], [-1, 1], [0, -1], [-1, -1], [PAGE - 3, 4], [0, PAGE + 1]] as const) {
    assert.equal(memory.contains(pointer, size), false);
    assert.equal(memory.view(pointer, size), null);
    assert.equal(memory.copy(pointer, size), null);
    assert.equal(memory.text(pointer, size), null);
    assert.equal(memory.name(pointer, size), null);
  }
  assert.equal(memory.text(PAGE, 0), "");
  assert.equal(memory.writeU32(PAGE - 3, 1), false);
  assert.equal(memory.writeU64(PAGE - 7, 1n), false);
  assert.equal(memory.readU32(-4), null);
  assert.equal(memory.readU64(PAGE - 7), null);
  assert.equal(memory.giveText("x", PAGE, 0), Status.INVALID_MEMORY_ACCESS);
  assert.equal(memory.giveText("", 0, -4), Status.INVALID_MEMORY_ACCESS);
});

Deno.test("memory: names are lower case, and known again only while they are the same", () => {
  const { memory } = memoryWith();
  memory.write(16, new TextEncoder().encode("X-Name"));
  assert.equal(memory.name(16, 6), "x-name");
  memory.write(16, new TextEncoder().encode("x-nome"));
  assert.equal(memory.name(16, 6), "x-nome");
  assert.equal(memory.name(16, 6), "x-nome");
  assert.equal(memory.name(16, 3), "x-n");
});

Deno.test("memory: what the module is given lies where its allocator says, even where the memory has grown there", () => {
  const raw = new WebAssembly.Memory({ initial: 1 });
  const memory = new GuestMemory();
  memory.attach(raw as { readonly buffer: ArrayBuffer }, () => {
    raw.grow(1);
    return PAGE + 8;
  });
  assert.equal(memory.giveBytes(Uint8Array.of(1, 2, 3), 0, 4), Status.OK);
  assert.equal(memory.readU32(0), PAGE + 8);
  assert.equal(memory.readU32(4), 3);
  assert.deepEqual(memory.copy(PAGE + 8, 3), Uint8Array.of(1, 2, 3));
  assert.equal(memory.size, 2 * PAGE);
});

Deno.test("memory: an allocator that fails, or lies, is no way out", () => {
  assert.equal(memoryWith(null).memory.giveText("x", 0, 4), Status.INVALID_MEMORY_ACCESS);
  assert.equal(memoryWith(() => 0).memory.giveText("x", 0, 4), Status.INVALID_MEMORY_ACCESS);
  assert.equal(memoryWith(() => PAGE).memory.giveText("x", 0, 4), Status.INVALID_MEMORY_ACCESS);
  assert.equal(memoryWith(() => -1).memory.giveText("x", 0, 4), Status.INVALID_MEMORY_ACCESS);
});

Deno.test("memory: nothing is pointer 0 and size 0, without an allocation", () => {
  const { memory } = memoryWith(() => assert.fail("Cannot be asked"));
  memory.writeU32(0, 7);
  assert.equal(memory.giveText("", 0, 4), Status.OK);
  assert.equal(memory.giveBytes(new Uint8Array(0), 0, 4), Status.OK);
  assert.equal(memory.readU32(0), 0);
});
