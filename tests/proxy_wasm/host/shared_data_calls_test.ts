import assert from "node:assert/strict";
import { Status } from "../../../lib/proxy_wasm/abi.ts";
import { OUT, WasmProbe } from "../../support/wasm_probe.ts";

function get(probe: WasmProbe, key: string): readonly [status: number, text: string, cas: number] {
  const { status, outs } = probe.call("proxy_get_shared_data", key, OUT, OUT, OUT);
  const [pointer, size, cas] = outs as [number, number, number];
  return [status, status === 0 ? probe.vm.memory.text(pointer, size)! : "", cas];
}

const set = (probe: WasmProbe, key: string, value: string | Uint8Array, cas = 0) =>
  probe.call("proxy_set_shared_data", key, value, cas).status;

Deno.test("shared data: a value is set, read and replaced by its version only", () => {
  const probe = new WasmProbe();
  assert.deepEqual(get(probe, "a"), [Status.NOT_FOUND, "", -1]);
  // A key that is not there takes any version.
  assert.equal(set(probe, "a", "one", 77), Status.OK);
  const [status, text, cas] = get(probe, "a");
  assert.deepEqual([status, text], [Status.OK, "one"]);
  assert.equal(set(probe, "a", "two", cas + 1), Status.CAS_MISMATCH);
  assert.equal(set(probe, "a", "two", cas), Status.OK);
  assert.equal(set(probe, "a", "three", cas), Status.CAS_MISMATCH);
  assert.equal(get(probe, "a")[1], "two");
  assert.equal(set(probe, "a", ""), Status.OK);
  assert.deepEqual(get(probe, "a").slice(0, 2), [Status.OK, ""]);
  // Any bytes make a key.
  assert.equal(set(probe, "\0\xff", "\xfe\0"), Status.OK);
  assert.equal(get(probe, "\0\xff")[1], "\xfe\0");
});

Deno.test("shared data belong to VMs of the same id, and go with the last of them", () => {
  const one = new WasmProbe();
  const { environment } = one;
  const two = new WasmProbe(environment);
  const other = new WasmProbe(environment, { vm: { vmId: "other" } });
  set(one, "k", "v");
  assert.equal(get(two, "k")[1], "v");
  assert.equal(get(other, "k")[0], Status.NOT_FOUND);
  const [, , cas] = get(two, "k");
  set(other, "k", "w");
  // Versions are counted for all together.
  assert.equal(get(other, "k")[2], cas + 1);
  one.vm.close();
  one.vm.close();
  assert.equal(get(two, "k")[1], "v");
  two.vm.close();
  assert.deepEqual(get(new WasmProbe(environment), "k"), [Status.NOT_FOUND, "", -1]);
  assert.equal(get(other, "k")[1], "w");
});

Deno.test("shared data: pointers outside of the memory are refused, and change nothing", () => {
  const probe = new WasmProbe();
  assert.equal(probe.call("proxy_set_shared_data", -8, 16, "v", 0).status, Status.INVALID_MEMORY_ACCESS);
  assert.equal(probe.call("proxy_set_shared_data", "k", 0, -1, 0).status, Status.INVALID_MEMORY_ACCESS);
  assert.deepEqual(get(probe, "k"), [Status.NOT_FOUND, "", -1]);
  set(probe, "k", "v");
  const refused = [[-4, OUT, OUT], [OUT, -2, OUT], [OUT, OUT, -1]] as const;
  for (const outs of refused) {
    assert.equal(probe.call("proxy_get_shared_data", "k", ...outs).status, Status.INVALID_MEMORY_ACCESS);
  }
});

Deno.test("shared data: there is an end to what VMs of one id can keep", () => {
  const probe = new WasmProbe();
  const value = new Uint8Array(1_000_000);
  let count = 0;
  while (set(probe, `k${count}`, value) === Status.OK) count++;
  assert.equal(count, 67);
  assert.equal(set(probe, "k0", ""), Status.OK);
  assert.equal(set(probe, "more", value), Status.OK);
  assert.equal(set(probe, "k1", new Uint8Array(1_200_000)), Status.INTERNAL_FAILURE);
  assert.equal(set(new WasmProbe(probe.environment, { vm: { vmId: "other" } }), "k", value), Status.OK);
});
