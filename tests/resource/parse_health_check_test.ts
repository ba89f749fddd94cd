import assert from "node:assert/strict";
import type { EnvoyConfigClusterV3Cluster, EnvoyConfigCoreV3HealthCheck } from "../../lib/protobuf/gen/messages.ts";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import { NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import { parseCluster } from "../../lib/resource/parse_cluster.ts";
import { parseEndpoint } from "../../lib/resource/parse_endpoint.ts";

const REQUIRED: EnvoyConfigCoreV3HealthCheck = {
  timeout: { seconds: 1 },
  interval: { seconds: 5 },
  unhealthyThreshold: { value: 2 },
  healthyThreshold: { value: 3 },
};

function parse(check: EnvoyConfigCoreV3HealthCheck, fields: EnvoyConfigClusterV3Cluster = {}) {
  const cluster = { name: "c", healthChecks: [{ ...REQUIRED, ...check }], ...fields };
  return parseCluster(encode("envoy.config.cluster.v3.Cluster", cluster), NO_FILTER_PARSERS);
}

function valid(check: EnvoyConfigCoreV3HealthCheck, fields?: EnvoyConfigClusterV3Cluster) {
  const result = parse(check, fields);
  assert.ok(result.ok, result.ok ? "" : result.errors.join("\n"));
  assert.deepEqual(result.unsupported, []);
  return result.value.healthCheck!;
}

const HTTP2: EnvoyConfigClusterV3Cluster = {
  typedExtensionProtocolOptions: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": packAny(
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      { explicitHttpConfig: { http2ProtocolOptions: {} } },
    ),
  },
};

Deno.test("A cluster without health checks has none", () => {
  const result = parseCluster(encode("envoy.config.cluster.v3.Cluster", { name: "c" }), NO_FILTER_PARSERS);
  assert.ok(result.ok);
  assert.equal(result.value.healthCheck, null);
  assert.equal(result.value.ignoreHealthOnHostRemoval, false);
});

Deno.test("HTTP health checks have Envoy's defaults", () => {
  assert.deepEqual(valid({ httpHealthCheck: { path: "/healthz" } }), {
    what: {
      kind: "http",
      host: "",
      path: "/healthz",
      method: "GET",
      protocol: "http1",
      headers: { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] },
      send: null,
      receive: [],
      responseBufferSize: 1024,
      expectedStatuses: [{ start: 200, end: 201 }],
      retriableStatuses: [],
      serviceName: null,
    },
    timeoutMs: 1000,
    intervalMs: 5000,
    initialJitterMs: 0,
    intervalJitterMs: 0,
    intervalJitterPercent: 0,
    unhealthyThreshold: 2,
    healthyThreshold: 3,
    reuseConnection: true,
    noTrafficIntervalMs: 60_000,
    noTrafficHealthyIntervalMs: 60_000,
    unhealthyIntervalMs: 5000,
    unhealthyEdgeIntervalMs: 5000,
    healthyEdgeIntervalMs: 5000,
    ignoreNewHosts: false,
    alwaysLogFailures: false,
    alwaysLogSuccess: false,
    alpn: null,
    transportSocketMatch: null,
  });
});

Deno.test("Everything an HTTP health check can say", () => {
  const check = valid({
    initialJitter: { seconds: 1 },
    intervalJitter: { seconds: 2 },
    intervalJitterPercent: 10,
    reuseConnection: { value: false },
    noTrafficInterval: { seconds: 30 },
    unhealthyInterval: { seconds: 3 },
    healthyEdgeInterval: { seconds: 4 },
    alwaysLogHealthCheckFailures: true,
    tlsOptions: { alpnProtocols: ["h2"] },
    httpHealthCheck: {
      host: "probe",
      path: "/",
      method: "POST",
      codecClientType: "HTTP2",
      send: { text: "0a0B" },
      receive: [{ text: "6f6b" }, { binary: Uint8Array.of(1) }],
      responseBufferSize: { value: 0 },
      expectedStatuses: [{ start: 200, end: 300 }, { start: 401, end: 402 }],
      retriableStatuses: [{ start: 500, end: 600 }],
      requestHeadersToAdd: [{ header: { key: "X-Probe", value: "1" } }],
      requestHeadersToRemove: ["user-agent"],
      serviceNameMatcher: { prefix: "shop" },
    },
  });
  assert.equal(check.unhealthyEdgeIntervalMs, 3000, "as the unhealthy interval where not given");
  assert.equal(check.noTrafficHealthyIntervalMs, 30_000);
  assert.deepEqual(check.alpn, ["h2"]);
  assert.ok(check.what.kind === "http");
  assert.deepEqual(check.what.send, Uint8Array.of(10, 11));
  assert.deepEqual(check.what.receive.map((bytes) => [...bytes]), [[111, 107], [1]]);
  assert.equal(check.what.protocol, "http2");
  assert.equal(check.what.headers.requestAdd[0]!.name, "x-probe");
  assert.deepEqual(check.what.serviceName, { kind: "prefix", value: "shop", ignoreCase: false });
});

Deno.test("gRPC and TCP health checks", () => {
  const grpc = valid({ grpcHealthCheck: { serviceName: "shop.Cart", authority: "cart" } }, HTTP2);
  assert.ok(grpc.what.kind === "grpc");
  assert.equal(grpc.what.serviceName, "shop.Cart");
  const tcp = valid({ tcpHealthCheck: { send: { text: "50494e47" }, receive: [{ text: "504f4e47" }] } });
  assert.ok(tcp.what.kind === "tcp");
  assert.equal(new TextDecoder().decode(tcp.what.send), "PING");
  assert.deepEqual(valid({ tcpHealthCheck: {} }).what, { kind: "tcp", send: new Uint8Array(), receive: [] });
});

const INVALID: readonly { check: EnvoyConfigCoreV3HealthCheck; error: RegExp }[] = [
  { check: {}, error: /health_checks\[0\]': it must say how to check/ },
  { check: { tcpHealthCheck: {}, timeout: { seconds: 0 } }, error: /timeout': it must be above 0/ },
  { check: { httpHealthCheck: {} }, error: /path': it must not be empty/ },
  { check: { grpcHealthCheck: {} }, error: /grpc_health_check': a cluster must speak HTTP\/2/ },
  {
    check: { httpHealthCheck: { path: "/", send: { text: "00" } } },
    error: /send': a request of this method has no content, current value is 'GET'/,
  },
  {
    check: { httpHealthCheck: { path: "/", expectedStatuses: [{ start: 300, end: 200 }] } },
    error: /expected_statuses\[0\]': it must be a range within 100 to 600/,
  },
  {
    check: { httpHealthCheck: { path: "/", retriableStatuses: [{ start: 50, end: 200 }] } },
    error: /retriable_statuses\[0\]'/,
  },
  { check: { tcpHealthCheck: { receive: [{ text: "xy" }] } }, error: /receive\[0\]\.text': .*hexadecimal/ },
  { check: { tcpHealthCheck: { receive: [{}] } }, error: /receive\[0\]\.text'/ },
  {
    check: { httpHealthCheck: { path: "/", receive: [{ text: "0000" }], responseBufferSize: { value: 1 } } },
    error: /receive': it must fit into 'response_buffer_size'/,
  },
];

for (const { check, error } of INVALID) {
  Deno.test(`Bad health checks are refused: ${error.source}`, () => {
    const result = parse(check);
    assert.match(result.ok ? "" : result.errors.join("\n"), error);
  });
}

Deno.test("What is required has to be there", () => {
  const bytes = encode("envoy.config.cluster.v3.Cluster", { name: "c", healthChecks: [{ tcpHealthCheck: {} }] });
  const result = parseCluster(bytes, NO_FILTER_PARSERS);
  const text = result.ok ? "" : result.errors.join("\n");
  for (const name of ["timeout", "interval", "unhealthy_threshold", "healthy_threshold"]) {
    assert.ok(text.includes(`health_checks[0].${name}': it must be given`), text);
  }
});

Deno.test("Kinds of health check that are not supported are reported, and the rest is used", () => {
  const custom = parse({ customHealthCheck: { name: "envoy.health_checkers.redis" } });
  assert.ok(custom.ok);
  assert.deepEqual(custom.unsupported, [{
    path: "health_checks[0].custom_health_check",
    what: "envoy.health_checkers.redis",
  }]);
  assert.equal(custom.value.healthCheck, null);
  const two = parse({}, { healthChecks: [{ ...REQUIRED, tcpHealthCheck: {} }, { ...REQUIRED, tcpHealthCheck: {} }] });
  assert.ok(two.ok);
  assert.deepEqual(two.unsupported.map(({ path }) => path), ["health_checks[1]"]);
  assert.equal(two.value.healthCheck!.what.kind, "tcp");
});

Deno.test("An endpoint says how it wants to be checked", () => {
  const endpoint = (healthCheckConfig?: object) => {
    const address = { socketAddress: { address: "10.0.0.1", portValue: 80 } };
    const result = parseEndpoint(encode("envoy.config.endpoint.v3.ClusterLoadAssignment", {
      clusterName: "c",
      endpoints: [{
        lbEndpoints: [{
          endpoint: { address, ...(healthCheckConfig === undefined ? {} : { healthCheckConfig }) },
        }],
      }],
    }));
    assert.ok(result.ok, result.ok ? "" : result.errors.join("\n"));
    return result.value.localities[0]!.endpoints[0]!.healthCheck;
  };
  assert.equal(endpoint(), null);
  assert.deepEqual(endpoint({ portValue: 8081, hostname: "probe" }), {
    address: null,
    port: 8081,
    hostname: "probe",
    disabled: false,
  });
  assert.equal(endpoint({ disableActiveHealthCheck: true })!.disabled, true);
});
