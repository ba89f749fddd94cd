/** Permissions that joining needs are asked for at once, each with the flag that grants it. */
import assert from "node:assert/strict";
import { joinAddresses, reportMissingPermissions } from "../../lib/bootstrap/permissions.ts";
import { Settings } from "../../lib/bootstrap/settings.ts";
import { load } from "./fixture.ts";

function problems(facts: Parameters<typeof reportMissingPermissions>[0], granted: readonly string[]) {
  const settings = new Settings();
  reportMissingPermissions(facts, settings, (descriptor) => {
    if (descriptor.name === "net") return granted.includes(descriptor.host ?? "");
    return descriptor.name === "env" && granted.includes("env");
  });
  assert.equal(settings.onlyDenied, settings.problems.length > 0);
  return settings.problems;
}

Deno.test("everything granted: nothing to report", async () => {
  const facts = await load({});
  const hosts = ["istiod.istio-system.svc:15012", "127.0.0.1:15000", "0.0.0.0:15020", "0.0.0.0:15021", "0.0.0.0:15090"];
  assert.deepEqual(problems(facts, [...hosts, "env"]), []);
});

Deno.test("one flag for all addresses, once each; one for the variables of the gRPC library", async () => {
  const found = problems(await load({ options: { admin: false, statusPort: false, readinessPort: false } }), []);
  assert.deepEqual(found.map(({ hint }) => hint), [
    "Run with --allow-net=istiod.istio-system.svc:15012,0.0.0.0:15090",
    "Run with --allow-env=GRPC_*",
  ]);
});

Deno.test("a CA of its own is an address of its own; certificates in files need none", async () => {
  const facts = await load({ options: { caAddress: "ca.example:8060" } });
  assert.ok(joinAddresses(facts).some(({ hostname }) => hostname === "ca.example"));
  const files = { chainPath: "", keyPath: "", rootPath: "", use: "identity" } as const;
  assert.ok(!joinAddresses({ ...facts, certificateFiles: files }).some(({ hostname }) => hostname === "ca.example"));
});
