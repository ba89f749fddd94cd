import assert from "node:assert/strict";
import { encode } from "../../../lib/protobuf/registry.ts";
import { Status } from "../../../lib/proxy_wasm/abi.ts";
import { HttpStream } from "../../../lib/proxy_wasm/http/http_stream.ts";
import { PluginLease } from "../../../lib/proxy_wasm/plugin_lease.ts";
import { callOf, request } from "../../support/calls.ts";
import { BareStream, OUT, WasmProbe } from "../../support/wasm_probe.ts";

const DECLARE = "envoy.source.extensions.common.wasm.DeclarePropertyArguments";
const SET_STATE = "envoy.source.extensions.common.wasm.SetEnvoyFilterStateArguments";

const foreign = (probe: WasmProbe, name: string, argument: string | Uint8Array = "") =>
  probe.call("proxy_call_foreign_function", name, argument, OUT, OUT);

function setUp() {
  const probe = new WasmProbe();
  const call = callOf(request());
  // A lease is what keeps a plugin alive, which here the test does.
  const lease = new PluginLease(null!, () => {});
  const stream = new HttpStream(lease, probe.root, call.request, call);
  probe.vm.add(stream);
  return { probe, call, stream };
}

Deno.test("foreign functions: those that are not here are not found; results are empty, or not wanted", () => {
  const { probe } = setUp();
  for (const name of ["", "compress", "expr_create", "verify_signature", "toString", "__proto__"]) {
    assert.equal(foreign(probe, name).status, Status.NOT_FOUND, name);
  }
  assert.deepEqual(foreign(probe, "clear_route_cache"), { status: 0, outs: [0, 0], text: "" });
  assert.equal(probe.call("proxy_call_foreign_function", "clear_route_cache", "", 0, 0).status, Status.OK);
  const refused = Status.INVALID_MEMORY_ACCESS;
  assert.equal(probe.call("proxy_call_foreign_function", "clear_route_cache", "", -1, OUT).status, refused);
  assert.equal(probe.call("proxy_call_foreign_function", -1, 8, "", OUT, OUT).status, refused);
  assert.equal(probe.call("proxy_call_foreign_function", "clear_route_cache", -1, 8, OUT, OUT).status, refused);
});

Deno.test("clear_route_cache has the route of the effective context chosen anew", () => {
  const { probe, call, stream } = setUp();
  let cleared = 0;
  call.onClearRouteCache = () => cleared++;
  assert.equal(foreign(probe, "clear_route_cache").status, Status.OK);
  assert.equal(cleared, 0);
  probe.inside(() => {
    probe.ok("proxy_set_effective_context", stream.id);
    assert.equal(foreign(probe, "clear_route_cache").status, Status.OK);
  });
  assert.equal(cleared, 1);
});

Deno.test("declare_property: once for each name; what is declared read-only can be set once", () => {
  const { probe, call, stream } = setUp();
  const declare = (name: string, readonly: boolean) =>
    foreign(probe, "declare_property", encode(DECLARE, { name, readonly }));
  assert.equal(declare("once", true).status, Status.OK);
  assert.equal(declare("once", false).status, Status.BAD_ARGUMENT);
  assert.equal(declare("again", false).status, Status.OK);
  assert.equal(foreign(probe, "declare_property", "\xff\xff").status, Status.BAD_ARGUMENT);
  const set = (path: string, value: string) =>
    probe.inside(() => probe.call("proxy_set_property", path, value).status, stream);
  for (const path of ["once", "again", "undeclared"]) assert.equal(set(path, "1"), Status.OK, path);
  assert.deepEqual(["once", "again", "undeclared"].map((path) => set(path, "2")), [Status.BAD_ARGUMENT, 0, 0]);
  assert.deepEqual([...call.filterState!], [["wasm.once", "1"], ["wasm.again", "2"], ["wasm.undeclared", "2"]]);
  probe.inside(() => {
    for (let i = 2; i < 1024; i++) declare(`p${i}`, false);
    assert.equal(declare("more", false).status, Status.INTERNAL_FAILURE);
  });
});

Deno.test("set_envoy_filter_state: objects that something acts on, of a stream", () => {
  const { probe, call, stream } = setUp();
  const set = (path: string, value: string, context = stream as BareStream | HttpStream) =>
    probe.inside(() => foreign(probe, "set_envoy_filter_state", encode(SET_STATE, { path, value })).status, context);
  assert.equal(set("envoy.string", "a"), Status.OK);
  assert.equal(set("envoy.hashable_string", "b"), Status.OK);
  const destination = "envoy.network.transport_socket.original_dst_address";
  assert.equal(set(destination, "10.0.0.9:80"), Status.OK);
  for (const odd of ["", "host:80", "10.0.0.9", "10.0.0.9:0", "10.0.0.9:65536"]) {
    assert.equal(set(destination, odd), Status.BAD_ARGUMENT, odd);
  }
  assert.equal(set("envoy.network.upstream_server_name", "x"), Status.NOT_FOUND);
  assert.equal(set("wasm.other", "x"), Status.NOT_FOUND);
  assert.equal(set("envoy.string", "a", new BareStream(probe.root)), Status.NOT_FOUND);
  assert.equal(foreign(probe, "set_envoy_filter_state", encode(SET_STATE, { path: "envoy.string" })).status, 1);
  assert.equal(foreign(probe, "set_envoy_filter_state", "\xff").status, Status.BAD_ARGUMENT);
  assert.deepEqual([...call.filterState!], [
    ["envoy.string", "a"],
    ["envoy.hashable_string", "b"],
    [destination, "10.0.0.9:80"],
  ]);
});
