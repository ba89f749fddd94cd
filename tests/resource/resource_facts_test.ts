import assert from "node:assert/strict";
import { encode } from "../../lib/protobuf/registry.ts";
import { addressKey, edsServiceName } from "../../lib/resource/resource_facts.ts";

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

Deno.test("One key for one address", () => {
  assert.equal(addressKey("::1", 80), addressKey("0:0:0:0:0:0:0:1", 80));
  assert.notEqual(addressKey("::1", 80), addressKey("::1", 81));
  assert.equal(addressKey("localhost", 80), null);
});
