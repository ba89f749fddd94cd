import assert from "node:assert/strict";
import { blockedAddress, isLoopback, shownUrl } from "../../../lib/proxy_wasm/source/module_url.ts";

Deno.test("What people see of a URL holds no credentials", () => {
  assert.equal(shownUrl("https://user:hunter2@example.test/x.wasm?token=hunter2#x"), "https://example.test/x.wasm");
  assert.equal(shownUrl("oci://user@example.test/x@sha256:1"), "oci://example.test/x@sha256:1");
  assert.equal(shownUrl("oci://example.test/x:v1"), "oci://example.test/x:v1");
});

Deno.test("Link-local and metadata addresses are not asked, those of clusters are", () => {
  for (const ip of ["169.254.169.254", "fe80::1", "[fe80::1]", "febf::1", "::ffff:169.254.1.1", "100.100.100.200"]) {
    assert.notEqual(blockedAddress(ip), null, ip);
  }
  for (const ip of ["10.0.0.1", "127.0.0.1", "::1", "fd00::1", "fec0::1", "192.168.0.1", "example.test"]) {
    assert.equal(blockedAddress(ip), null, ip);
  }
});

Deno.test("Loopback is this machine", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]) {
    assert.equal(isLoopback(host), true, host);
  }
  for (const host of ["localhost.example.test", "10.0.0.1", "127.example.test"]) {
    assert.equal(isLoopback(host), false, host);
  }
});
