import assert from "node:assert/strict";
import type {
  EnvoyConfigEndpointV3ClusterLoadAssignment as Assignment,
  EnvoyConfigEndpointV3LbEndpoint as LbEndpoint,
} from "../../lib/protobuf/gen/messages.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import { jsonToStruct } from "../../lib/protobuf/well_known.ts";
import { parseEndpoint } from "../../lib/resource/parse_endpoint.ts";

function parse(assignment: Assignment) {
  return parseEndpoint(encode("envoy.config.endpoint.v3.ClusterLoadAssignment", { clusterName: "c", ...assignment }));
}

function one(endpoint: LbEndpoint) {
  const result = parse({ endpoints: [{ lbEndpoints: [endpoint] }] });
  assert.ok(result.ok, result.ok ? "" : result.errors.join("\n"));
  return { endpoint: result.value.localities[0]!.endpoints[0], unsupported: result.unsupported };
}

const at = (address: string, portValue = 80): LbEndpoint => ({
  endpoint: { address: { socketAddress: { address, portValue } } },
});

Deno.test("An empty assignment is one", () => {
  const result = parse({});
  assert.deepEqual(result.ok && result.value, { clusterName: "c", localities: [], overprovisioningFactor: 140 });
});

Deno.test("Localities and endpoints, with defaults", () => {
  const result = parse({
    policy: { overprovisioningFactor: { value: 100 } },
    endpoints: [
      {
        locality: { region: "west", zone: "west-1", subZone: "a" },
        priority: 1,
        loadBalancingWeight: { value: 30 },
        lbEndpoints: [{
          ...at("2001:db8::1", 8080),
          healthStatus: "DRAINING",
          loadBalancingWeight: { value: 3 },
          metadata: { filterMetadata: { "envoy.transport_socket_match": jsonToStruct({ tlsMode: "istio" }) } },
        }],
      },
      { lbEndpoints: [at("10.0.0.1")] },
    ],
  });
  assert.deepEqual(result.ok && result.value, {
    clusterName: "c",
    overprovisioningFactor: 100,
    localities: [
      {
        region: "west",
        zone: "west-1",
        subZone: "a",
        priority: 1,
        weight: 30,
        endpoints: [{
          address: "2001:db8::1",
          port: 8080,
          key: "[2001:db8::1]:8080",
          health: "draining",
          weight: 3,
          hostname: "",
          metadata: { "envoy.transport_socket_match": { tlsMode: "istio" } },
          internalListener: null,
          healthCheck: null,
        }],
      },
      {
        region: "",
        zone: "",
        subZone: "",
        priority: 0,
        weight: null,
        endpoints: [{
          address: "10.0.0.1",
          port: 80,
          key: "10.0.0.1:80",
          health: "unknown",
          weight: 1,
          hostname: "",
          metadata: {},
          internalListener: null,
          healthCheck: null,
        }],
      },
    ],
  });
});

Deno.test("HBONE endpoints name their listener, and their workload", () => {
  const internal = (endpointId?: string) =>
    one({
      endpoint: {
        address: {
          envoyInternalAddress: { serverListenerName: "connect_originate", ...(endpointId && { endpointId }) },
        },
      },
    }).endpoint;
  const { address, port, internalListener } = internal("10.0.1.2:9080")!;
  assert.deepEqual([address, port, internalListener], ["10.0.1.2", 9080, "connect_originate"]);
  assert.equal(internal("[2001:db8::1]:9080")?.address, "2001:db8::1");
  assert.equal(internal("opaque")?.key, "opaque:0");
  assert.equal(internal()?.address, "connect_originate");
});

Deno.test("Endpoints that are not on the network are reported and left out", () => {
  const { endpoint, unsupported } = one({ endpoint: { address: { pipe: { path: "/run/app.sock" } } } });
  assert.equal(endpoint, undefined);
  assert.deepEqual(unsupported, [
    { path: "endpoints[0].lb_endpoints[0].endpoint.address.pipe", what: "/run/app.sock" },
  ]);
  assert.equal(one({ endpointName: "x" }).unsupported.length, 1);
});

Deno.test("Wrong endpoints are all reported, each with its path", () => {
  const result = parse({
    endpoints: [{
      priority: 129,
      loadBalancingWeight: { value: 0 },
      lbEndpoints: [at("a.example.test"), at("10.0.0.1", 70_000), { endpoint: {} }, {
        ...at("10.0.0.2"),
        loadBalancingWeight: { value: 0 },
        healthStatus: 99,
      }],
    }],
  });
  assert.ok(!result.ok);
  for (
    const pattern of [
      /endpoints\[0\]\.priority': it must be from 0 to 128, current value is '129'/,
      /endpoints\[0\]\.load_balancing_weight': .*'0'/,
      /lb_endpoints\[0\]\.endpoint\.address\.socket_address\.address': it must be an IP address.*'a\.example\.test'/,
      /lb_endpoints\[1\]\.endpoint\.address\.socket_address\.port_value'.*'70000'/,
      /lb_endpoints\[2\]\.endpoint\.address': it must hold an address/,
      /lb_endpoints\[3\]\.load_balancing_weight'/,
      /lb_endpoints\[3\]\.health_status'.*'99'/,
    ]
  ) assert.ok(result.errors.some((error) => pattern.test(error)), `${pattern}:\n${result.errors.join("\n")}`);
  assert.equal(result.errors.length, 7);
});
