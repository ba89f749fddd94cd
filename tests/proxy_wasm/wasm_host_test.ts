import assert from "node:assert/strict";
import { recorder } from "../support/wasm_recorder.ts";
import { pluginConfig, TestEnvironment, wasmHost } from "../support/wasm_rig.ts";

Deno.test("plugins of the same configuration are one, of the same code and VM id share a VM, others do not", async () => {
  const environment = new TestEnvironment();
  const host = wasmHost(environment);
  const code = recorder();
  const leases = [
    host.acquire(pluginConfig(code)),
    host.acquire(pluginConfig(code.slice())),
    host.acquire(pluginConfig(code, { rootId: "other" })),
    host.acquire(pluginConfig(code, { vm: { vmId: "another" } })),
    host.acquire(pluginConfig(recorder({ tick: "(nop)" }))),
  ];
  await Promise.all(leases.map(({ handle }) => handle.settled));
  assert.equal(host.plugins, 4);
  assert.equal(host.vms, 3);
  const roots = leases.map(({ handle }) => handle.root!);
  assert.equal(roots[0], roots[1]);
  assert.notEqual(roots[0], roots[2]);
  assert.equal(roots[0]!.vm, roots[2]!.vm);
  for (const lease of leases) lease.release();
  leases[0]!.release();
  await Promise.resolve();
  assert.equal(host.plugins, 0);
  assert.equal(host.vms, 0);
  assert.equal(environment.logged.filter((line) => line.startsWith("delete")).length, 4);
});

Deno.test("a module that refuses its configuration, cannot be compiled or read does not run, and says why", async () => {
  const environment = new TestEnvironment();
  const host = wasmHost(environment);
  const configs = [
    pluginConfig(recorder({ configure: "(i32.const 0)" })),
    pluginConfig(new Uint8Array([1, 2, 3])),
    pluginConfig(new Uint8Array(0), { vm: { code: { kind: "file", path: "/nowhere/module.wasm" } } }),
    pluginConfig(new Uint8Array(0), {
      vm: {
        code: {
          kind: "remote",
          url: "oci://registry/x",
          sha256: "",
          timeoutMs: null,
          pull: { policy: null, secret: null, version: null },
          plugin: "test",
        },
      },
    }),
    pluginConfig(recorder(), { vm: { runtime: "envoy.wasm.runtime.unheard" } }),
  ];
  for (const config of configs) {
    const lease = host.acquire(config);
    await lease.handle.settled;
    assert.equal(lease.handle.state, "failed");
    assert.equal(lease.handle.root, null);
    lease.release();
  }
  const reasons = environment.lines.filter((line) => line.startsWith("error Cannot start Wasm plugin 'test'"));
  assert.match(reasons[0]!, /refuses its configuration/);
  assert.match(reasons[1]!, /WebAssembly/);
  assert.match(reasons[2]!, /nowhere/);
  assert.match(reasons[3]!, /there is nothing to fetch with/);
  assert.match(reasons[4]!, /none of that name/);
  assert.equal(host.vms, 0);
});

Deno.test("a host that is closed ends its plugins; a plugin that was still starting ends when it has", async () => {
  const environment = new TestEnvironment();
  const host = wasmHost(environment);
  const running = host.acquire(pluginConfig(recorder()));
  await running.handle.settled;
  const starting = host.acquire(pluginConfig(recorder(), { vm: { vmId: "two" } }));
  host.close();
  await starting.handle.settled;
  await Promise.resolve();
  assert.equal(running.handle.state, "closed");
  assert.equal(starting.handle.root, null);
  assert.equal(host.vms, 0);
});
