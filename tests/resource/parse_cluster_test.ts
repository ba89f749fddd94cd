import assert from "node:assert/strict";
import type { EnvoyConfigClusterV3Cluster } from "../../lib/protobuf/gen/messages.ts";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import type { Cluster } from "../../lib/resource/cluster.ts";
import type { Unsupported } from "../../lib/resource/common.ts";
import { type FilterParsers, NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import { parseCluster } from "../../lib/resource/parse_cluster.ts";
import { outlierDetection } from "../support/resource_objects.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

function parse(fields: EnvoyConfigClusterV3Cluster, parsers: FilterParsers = NO_FILTER_PARSERS) {
  return parseCluster(encode("envoy.config.cluster.v3.Cluster", { name: "c", ...fields }), parsers);
}

function valid(fields: EnvoyConfigClusterV3Cluster, parsers?: FilterParsers): Cluster {
  const result = parse(fields, parsers);
  assert.ok(result.ok, result.ok ? "" : result.errors.join("\n"));
  return result.value;
}

function errors(fields: EnvoyConfigClusterV3Cluster): readonly string[] {
  const result = parse(fields);
  assert.equal(result.ok, false);
  return result.ok ? [] : result.errors;
}

function unsupported(fields: EnvoyConfigClusterV3Cluster): readonly Unsupported[] {
  const result = parse(fields);
  assert.ok(result.ok, result.ok ? "" : result.errors.join("\n"));
  return result.unsupported;
}

const address = (name: string, portValue = 80) => ({ socketAddress: { address: name, portValue } });
const assignment = (...names: string[]) => ({
  clusterName: "c",
  endpoints: [{ lbEndpoints: names.map((name) => ({ endpoint: { address: address(name) } })) }],
});

Deno.test("An almost empty cluster gets Envoy's defaults", () => {
  assert.deepEqual(
    valid({}),
    {
      name: "c",
      type: "static",
      edsServiceName: null,
      loadAssignment: { clusterName: "c", localities: [], overprovisioningFactor: 140 },
      connectTimeoutMs: 5_000,
      loadBalancing: {
        policy: "round_robin",
        choiceCount: 2,
        activeRequestBias: 1,
        fullScan: false,
        ringMinimumSize: 1024,
        ringMaximumSize: 8_388_608,
        ringHashFunction: "xx_hash",
        maglevTableSize: 65_537,
        useHostnameForHashing: false,
        hashBalanceFactor: 0,
        healthyPanicThreshold: 50,
        localityWeighted: false,
        zoneAware: null,
        slowStartWindowMs: 0,
        slowStartAggression: 1,
        slowStartMinWeightPercent: 10,
        overrideHostStatus: ["unknown", "healthy", "degraded"],
        subset: null,
        overrideHostHeaders: [],
        closeConnectionsOnHostSetChange: false,
      },
      circuitBreakers: {
        maxConnections: 1024,
        maxPendingRequests: 1024,
        maxRequests: 1024,
        maxRetries: 3,
        retryBudget: null,
      },
      highPriorityCircuitBreakers: {
        maxConnections: 1024,
        maxPendingRequests: 1024,
        maxRequests: 1024,
        maxRetries: 3,
        retryBudget: null,
      },
      outlierDetection: null,
      healthCheck: null,
      ignoreHealthOnHostRemoval: false,
      transportSocket: { kind: "plaintext" },
      transportSocketMatches: [],
      http: {
        protocol: "http1",
        idleTimeoutMs: 3_600_000,
        maxRequestsPerConnection: 0,
        maxConnectionDurationMs: 0,
        maxConcurrentStreams: 0,
        http2Keepalive: null,
        autoSni: false,
        autoSanValidation: false,
      },
      tcpKeepalive: null,
      dns: { refreshMs: 5_000, respectTtl: false, family: "auto" },
      originalDstHeader: null,
      originalDstMetadata: null,
      bufferBytes: null,
      originalDstPortOverride: null,
      bindAddress: null,
      metadata: {},
      upstreamFilters: [],
    } satisfies Cluster,
  );
});

Deno.test("Every kind of discovery, with what goes with it", () => {
  const eds = valid({ type: "EDS", edsClusterConfig: { edsConfig: { ads: {} }, serviceName: "svc" } });
  assert.deepEqual([eds.type, eds.edsServiceName, eds.loadAssignment], ["eds", "svc", null]);
  assert.equal(valid({ type: "EDS", edsClusterConfig: { edsConfig: { ads: {} } } }).edsServiceName, "c");
  const dns = valid({
    type: "STRICT_DNS",
    loadAssignment: assignment("a.example.test", "10.0.0.1"),
    dnsRefreshRate: { seconds: 60 },
    respectDnsTtl: true,
    dnsLookupFamily: "V4_ONLY",
  });
  assert.equal(dns.type, "strict_dns");
  assert.deepEqual(dns.loadAssignment?.localities[0]?.endpoints.map(({ key }) => key), [
    "a.example.test:80",
    "10.0.0.1:80",
  ]);
  assert.deepEqual(dns.dns, { refreshMs: 60_000, respectTtl: true, family: "v4_only" });
  assert.equal(valid({ type: "LOGICAL_DNS", loadAssignment: assignment("a.example.test") }).type, "logical_dns");
  const original = valid({
    type: "ORIGINAL_DST",
    lbPolicy: "CLUSTER_PROVIDED",
    originalDstLbConfig: { useHttpHeader: true, upstreamPortOverride: { value: 15_008 } },
    upstreamBindConfig: { sourceAddress: { address: "127.0.0.6" } },
  });
  assert.deepEqual(
    [original.type, original.originalDstHeader, original.originalDstPortOverride, original.bindAddress],
    ["original_dst", "x-envoy-original-dst-host", 15_008, { hostname: "127.0.0.6", port: 0 }],
  );
  const proxy = valid({
    lbPolicy: "CLUSTER_PROVIDED",
    clusterType: {
      name: "envoy.clusters.dynamic_forward_proxy",
      typedConfig: packAny("envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig", {
        dnsCacheConfig: { name: "cache", dnsLookupFamily: "V4_ONLY" },
      }),
    },
  });
  assert.deepEqual([proxy.type, proxy.dns.family], ["dynamic_forward_proxy", "v4_only"]);
});

Deno.test("Kinds of cluster that nobody resolves have no endpoints, and are reported", () => {
  const fields = { clusterType: { name: "envoy.clusters.aggregate" } };
  assert.deepEqual(unsupported(fields), [{ path: "cluster_type", what: "envoy.clusters.aggregate" }]);
  assert.deepEqual(valid(fields).loadAssignment?.localities, []);
});

Deno.test("Wrong fields are all reported, each with its path and value", () => {
  const found = errors({
    name: "",
    type: "LOGICAL_DNS",
    loadAssignment: assignment("a", "b"),
    connectTimeout: { seconds: 0 },
    lbPolicy: "MAGLEV",
    maglevLbConfig: { tableSize: { value: 1000 } },
    ringHashLbConfig: { minimumRingSize: { value: 9 }, maximumRingSize: { value: 8 } },
    commonLbConfig: { healthyPanicThreshold: { value: 101 } },
    outlierDetection: { enforcingConsecutive_5xx: { value: 101 }, interval: { seconds: -1 } },
    transportSocketMatches: [{ name: "m", match: { fields: { tlsMode: { numberValue: 1 } } } }],
  });
  for (
    const pattern of [
      /^Cannot use 'name': it must not be empty, current value is ''$/,
      /^Cannot use 'load_assignment': a cluster of type LOGICAL_DNS must have one endpoint, current value is '2'$/,
      /^Cannot use 'connect_timeout': it must be above 0, current value is '0s'$/,
      /^Cannot use 'maglev_lb_config\.table_size': it must be a prime number, current value is '1000'$/,
      /^Cannot use 'ring_hash_lb_config\.minimum_ring_size': it must not be above the maximum, current value is '9'$/,
      /^Cannot use 'common_lb_config\.healthy_panic_threshold': .*from 0 to 100, current value is '101'$/,
      /^Cannot use 'outlier_detection\.enforcing_consecutive_5xx': .*from 0 to 100, current value is '101'$/,
      /^Cannot use 'outlier_detection\.interval': .*current value is '-1s'$/,
      /^Cannot use 'transport_socket_matches\[0\]\.match': its values must be strings, current value is '{"tlsMode":1}'$/,
    ]
  ) assert.ok(found.some((error) => pattern.test(error)), `${pattern} is missing in:\n${found.join("\n")}`);
  assert.equal(found.length, 9);
});

Deno.test("What cannot stand together is refused", () => {
  assert.match(errors({ type: "EDS" })[0]!, /'eds_cluster_config'/);
  assert.match(errors({ type: "ORIGINAL_DST" })[0]!, /'lb_policy'.*'round_robin'/);
  assert.match(errors({ lbPolicy: "CLUSTER_PROVIDED" })[0]!, /'lb_policy'.*'cluster_provided'/);
  assert.match(
    errors({ type: "STATIC", loadAssignment: assignment("a.example.test") })[0]!,
    /it must be an IP address/,
  );
  const other = packAny("google.protobuf.StringValue", { value: "x" });
  assert.match(errors({ typedExtensionProtocolOptions: { [HTTP_OPTIONS]: other } })[0]!, /it must be a/);
});

Deno.test("HTTP towards the cluster", () => {
  const http = (options: Parameters<typeof packAny<typeof HTTP_OPTIONS>>[1]) =>
    valid({ typedExtensionProtocolOptions: { [HTTP_OPTIONS]: packAny(HTTP_OPTIONS, options) } }).http;
  const explicit = http({
    explicitHttpConfig: {
      http2ProtocolOptions: {
        maxConcurrentStreams: { value: 50 },
        connectionKeepalive: { interval: { seconds: 20 }, timeout: { seconds: 5 } },
      },
    },
    commonHttpProtocolOptions: {
      idleTimeout: { seconds: 30 },
      maxRequestsPerConnection: { value: 7 },
      maxConnectionDuration: { seconds: 600 },
    },
    upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: true },
  });
  assert.deepEqual(explicit, {
    protocol: "http2",
    idleTimeoutMs: 30_000,
    maxRequestsPerConnection: 7,
    maxConnectionDurationMs: 600_000,
    maxConcurrentStreams: 50,
    http2Keepalive: { intervalMs: 20_000, timeoutMs: 5_000 },
    autoSni: true,
    autoSanValidation: true,
  });
  assert.equal(http({ explicitHttpConfig: { httpProtocolOptions: {} } }).protocol, "http1");
  assert.equal(http({ useDownstreamProtocolConfig: {} }).protocol, "downstream");
  assert.equal(http({ autoConfig: {} }).protocol, "auto");
  assert.equal(
    http({ explicitHttpConfig: { httpProtocolOptions: {} }, commonHttpProtocolOptions: { idleTimeout: {} } })
      .idleTimeoutMs,
    0,
  );
  assert.equal(valid({ http2ProtocolOptions: {} }).http.protocol, "http2");
  assert.equal(valid({ protocolSelection: "USE_DOWNSTREAM_PROTOCOL" }).http.protocol, "downstream");
  assert.equal(valid({ maxRequestsPerConnection: { value: 3 } }).http.maxRequestsPerConnection, 3);
});

Deno.test("HTTP/2 keepalive must say how long to wait; a header for SNI is reported", () => {
  const options = (http2: object, upstream: object = {}) => ({
    typedExtensionProtocolOptions: {
      [HTTP_OPTIONS]: packAny(HTTP_OPTIONS, {
        explicitHttpConfig: { http2ProtocolOptions: http2 },
        upstreamHttpProtocolOptions: upstream,
      }),
    },
  });
  const found = errors(options({ connectionKeepalive: { interval: {} } }));
  assert.equal(found.length, 2, found.join("\n"));
  assert.match(found[0]!, /connection_keepalive.timeout': it must be given/);
  assert.match(found[1]!, /connection_keepalive.interval': it must be above 0/);
  const idleOnly = { connectionKeepalive: { connectionIdleInterval: { seconds: 1 }, timeout: { seconds: 1 } } };
  assert.equal(valid(options(idleOnly)).http.http2Keepalive, null);
  assert.match(unsupported(options(idleOnly))[0]!.path, /connection_keepalive.connection_idle_interval$/);
  const jitter = (value: number) =>
    options({ connectionKeepalive: { interval: { seconds: 1 }, timeout: { seconds: 1 }, intervalJitter: { value } } });
  assert.deepEqual(unsupported(jitter(0)), []);
  assert.match(unsupported(jitter(10))[0]!.path, /connection_keepalive.interval_jitter$/);
  assert.match(unsupported(options({}, { overrideAutoSniHeader: "x-sni" }))[0]!.path, /override_auto_sni_header/);
});

Deno.test("Header names in another case and resolvers of a cluster's own are reported", () => {
  const typed = packAny(HTTP_OPTIONS, {
    explicitHttpConfig: { httpProtocolOptions: { headerKeyFormat: { properCaseWords: {} } } },
  });
  assert.match(
    unsupported({ typedExtensionProtocolOptions: { [HTTP_OPTIONS]: typed } })[0]!.path,
    /http_protocol_options.header_key_format$/,
  );
  assert.deepEqual(
    unsupported({
      dnsFailureRefreshRate: { baseInterval: { seconds: 1 } },
      dnsResolvers: [{}],
      dnsResolutionConfig: { resolvers: [{}] },
    })
      .map(({ path }) => path),
    ["dns_failure_refresh_rate", "dns_resolvers", "dns_resolution_config"],
  );
});

Deno.test("What a cluster asks for and does not get is reported", () => {
  assert.deepEqual(
    unsupported({
      closeConnectionsOnHostHealthFailure: true,
      connectionPoolPerDownstreamConnection: true,
      preconnectPolicy: { perUpstreamPreconnectRatio: { value: 2 } },
      upstreamConfig: { name: "tunnel" },
    }).map(({ path }) => path),
    [
      "close_connections_on_host_health_failure",
      "connection_pool_per_downstream_connection",
      "preconnect_policy",
      "upstream_config",
    ],
  );
});

Deno.test("auto_sni reaches the TLS contexts of the cluster", () => {
  const tls = {
    name: "tls",
    typedConfig: packAny("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", { sni: "x" }),
  };
  const cluster = valid({
    transportSocket: tls,
    transportSocketMatches: [{ name: "m", transportSocket: tls }],
    typedExtensionProtocolOptions: {
      [HTTP_OPTIONS]: packAny(HTTP_OPTIONS, {
        useDownstreamProtocolConfig: {},
        upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: true },
      }),
    },
  });
  for (const socket of [cluster.transportSocket, cluster.transportSocketMatches[0]!.socket]) {
    assert.ok(socket.kind === "tls");
    assert.deepEqual([socket.context.autoSni, socket.context.autoSanValidation], [true, true]);
  }
});

Deno.test("Outlier detection: defaults, and an ejection limit that is never below the base time", () => {
  assert.deepEqual(valid({ outlierDetection: {} }).outlierDetection, outlierDetection());
  const long = valid({ outlierDetection: { baseEjectionTime: { seconds: 900 }, consecutive_5xx: { value: 0 } } });
  assert.equal(long.outlierDetection?.maxEjectionTimeMs, 900_000);
  assert.equal(long.outlierDetection?.consecutive5xx, 0, "an explicit zero is not the default");
  const short = parse({ outlierDetection: { baseEjectionTime: { seconds: 2 }, maxEjectionTime: { seconds: 1 } } });
  assert.match(short.ok ? "" : short.errors.join(), /max_ejection_time': it must not be below base_ejection_time/);
});

Deno.test("Circuit breakers of priority HIGH are not those of DEFAULT", () => {
  const { circuitBreakers: breakers, highPriorityCircuitBreakers: high } = valid({
    circuitBreakers: {
      thresholds: [
        { priority: "HIGH", maxConnections: { value: 1 } },
        {
          maxConnections: { value: 2 },
          retryBudget: { budgetPercent: { value: 25 }, budgetInterval: { seconds: 10 } },
        },
      ],
    },
  });
  assert.equal(high!.maxConnections, 1);
  assert.equal(high!.maxRequests, 1024);
  assert.equal(breakers.maxConnections, 2);
  assert.deepEqual(breakers.retryBudget, { percent: 25, minConcurrency: 3, intervalMs: 10_000 });
});

Deno.test("Unknown transports refuse instead of going out in plaintext", () => {
  const odd = { name: "odd", typedConfig: packAny("google.protobuf.StringValue", { value: "" }) };
  const cluster = valid({ transportSocket: odd, transportSocketMatches: [{ name: "m", transportSocket: odd }] });
  assert.deepEqual(cluster.transportSocket, { kind: "unsupported", what: "google.protobuf.StringValue" });
  assert.equal(cluster.transportSocketMatches[0]!.socket.kind, "unsupported");
  assert.equal(unsupported({ transportSocket: { name: "odd" } }).length, 1);
});

Deno.test("An unknown network filter in front of a cluster makes it refuse, unless the user skips it", () => {
  const typedConfig = packAny("google.protobuf.StringValue", { value: "" });
  const fields = { filters: [{ name: "odd.filter", typedConfig }] };
  assert.equal(valid(fields).transportSocket.kind, "unsupported");
  assert.deepEqual(unsupported(fields), [{ path: "filters[0]", what: "google.protobuf.StringValue" }]);
  const skipped = valid(fields, { ...NO_FILTER_PARSERS, skip: new Set(["odd.filter"]) });
  assert.equal(skipped.transportSocket.kind, "plaintext");
  const parsers = { ...NO_FILTER_PARSERS, network: new Map([["google.protobuf.StringValue", { parse: () => ({}) }]]) };
  assert.deepEqual(valid(fields, parsers).upstreamFilters, ["odd.filter"]);
});

Deno.test("Bytes that are no message are one error", () => {
  const result = parseCluster(new Uint8Array([0xff, 0xff, 0xff]), NO_FILTER_PARSERS);
  assert.equal(result.ok, false);
  assert.ok(!result.ok && result.errors.length === 1);
  assert.match(result.errors[0]!, /Cannot read 3 bytes as 'envoy\.config\.cluster\.v3\.Cluster'/);
});
