import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../lib/protobuf/registry.ts";
import { addressKey, edsServiceName } from "../../lib/resource/resource_facts.ts";
import { wireFields } from "../../lib/resource/wire_fields.ts";

const CLUSTER = "envoy.config.cluster.v3.Cluster";

Deno.test("The load assignment of a cluster is read from its bytes", () => {
  assert.equal(
    edsServiceName(encode(CLUSTER, { name: "c", type: "EDS", edsClusterConfig: { serviceName: "s" } })),
    "s",
  );
  assert.equal(edsServiceName(encode(CLUSTER, { name: "c", type: "EDS", edsClusterConfig: {} })), "c");
  assert.equal(
    edsServiceName(encode(CLUSTER, { name: "c", type: "STATIC", edsClusterConfig: { serviceName: "s" } })),
    null,
  );
  assert.equal(edsServiceName(encode(CLUSTER, { name: "c" })), null);
  assert.equal(edsServiceName(encode(CLUSTER, { name: "c", clusterType: { name: "x" } })), null);
});

Deno.test("Wire fields: numbers, lengths and fixed sizes", () => {
  const bytes = new Uint8Array([0x08, 0xac, 0x02, 0x12, 0x02, 7, 8, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8]);
  const fields = [...wireFields(bytes)].map(({ number, value, bytes }) => [number, value, [...bytes]]);
  assert.deepEqual(fields, [
    [1, 300, []],
    [2, 0, [7, 8]],
    [3, 0, [1, 2, 3, 4]],
    [4, 0, [1, 2, 3, 4, 5, 6, 7, 8]],
  ]);
});

Deno.test("Wire fields: bytes that are no message end in an error, never in a loop", () => {
  for (const bytes of [[0x08], [0x08, 0xff], [0x12, 5, 1], [0x0b], [0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]]) {
    assert.throws(() => [...wireFields(new Uint8Array(bytes))], RangeError, String(bytes));
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    try {
      for (const field of wireFields(bytes)) assert.ok(field.bytes.length <= bytes.length);
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  }));
});

Deno.test("One key for one address", () => {
  assert.equal(addressKey("::1", 80), addressKey("0:0:0:0:0:0:0:1", 80));
  assert.notEqual(addressKey("::1", 80), addressKey("::1", 81));
  assert.equal(addressKey("localhost", 80), null);
});
