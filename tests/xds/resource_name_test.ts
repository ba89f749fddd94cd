import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../lib/protobuf/registry.ts";
import { resourceName } from "../../lib/xds/resource_name.ts";
import { TYPE_URLS } from "../../lib/xds/type_urls.ts";

const { CDS, EDS, RDS, NDS } = TYPE_URLS;

Deno.test("the name is field 1, wherever it stands", () => {
  fc.assert(fc.property(fc.string(), fc.nat(), fc.string(), (name, perConnectionBufferLimitBytes, altStatName) => {
    const limit = { value: perConnectionBufferLimitBytes };
    const bytes = encode("envoy.config.cluster.v3.Cluster", {
      name,
      altStatName,
      type: "EDS",
      perConnectionBufferLimitBytes: limit,
      connectTimeout: { seconds: 1 },
    });
    assert.equal(resourceName(CDS, bytes), name.toWellFormed());
    const first = encode("envoy.config.cluster.v3.Cluster", { name: "earlier" });
    assert.equal(
      resourceName(CDS, new Uint8Array([...first, ...bytes])),
      name.toWellFormed(),
    );
  }));
  assert.equal(resourceName(EDS, encode("envoy.config.endpoint.v3.ClusterLoadAssignment", { clusterName: "c" })), "c");
  assert.equal(resourceName(RDS, encode("envoy.config.route.v3.RouteConfiguration", { name: "80" })), "80");
  assert.equal(resourceName(CDS, new Uint8Array()), "");
});

Deno.test("a name table has none, whatever its bytes", () => {
  assert.equal(resourceName(NDS, new Uint8Array([0x0a, 0x01, 0x41])), "");
});

Deno.test("any bytes give a name or a TypeError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    try {
      assert.equal(typeof resourceName(CDS, bytes), "string");
    } catch (error) {
      assert.ok(error instanceof TypeError, String(error));
    }
  }));
});
