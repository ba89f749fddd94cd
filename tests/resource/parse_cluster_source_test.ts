import assert from "node:assert/strict";
import type {
  EnvoyConfigClusterV3Cluster,
  EnvoyExtensionsClustersDynamic_forward_proxyV3ClusterConfig as DynamicForwardProxy,
} from "../../lib/protobuf/gen/messages.ts";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import { NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import { parseCluster } from "../../lib/resource/parse_cluster.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

function parse(fields: EnvoyConfigClusterV3Cluster) {
  const bytes = encode("envoy.config.cluster.v3.Cluster", { name: "c", lbPolicy: "CLUSTER_PROVIDED", ...fields });
  return parseCluster(bytes, NO_FILTER_PARSERS);
}

function aggregate(clusters: string[]): EnvoyConfigClusterV3Cluster {
  const typedConfig = packAny("envoy.extensions.clusters.aggregate.v3.ClusterConfig", { clusters });
  return { clusterType: { name: "envoy.clusters.aggregate", typedConfig } };
}

function dynamic(config: DynamicForwardProxy): EnvoyConfigClusterV3Cluster {
  const typedConfig = packAny("envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig", config);
  return { clusterType: { name: "envoy.clusters.dynamic_forward_proxy", typedConfig } };
}

const withoutSni = {
  typedExtensionProtocolOptions: {
    [HTTP_OPTIONS]: packAny(HTTP_OPTIONS, { explicitHttpConfig: { httpProtocolOptions: {} } }),
  },
};

Deno.test("An aggregate cluster is made of others, in order", () => {
  const result = parse(aggregate(["a", "b"]));
  assert.ok(result.ok);
  assert.deepEqual([result.value.type, result.value.members], ["aggregate", ["a", "b"]]);
});

Deno.test("A dynamic forward proxy has Envoy's defaults, and verifies the names it goes to", () => {
  const result = parse(dynamic({ dnsCacheConfig: { name: "cache" } }));
  assert.ok(result.ok);
  assert.deepEqual(result.value.dns, {
    refreshMs: 60_000,
    respectTtl: true,
    family: "auto",
    maxHosts: 1024,
    hostTtlMs: 300_000,
    timeoutMs: 5_000,
  });
  assert.deepEqual([result.value.http.autoSni, result.value.http.autoSanValidation], [true, true]);
  const insecure = parse({
    ...dynamic({ dnsCacheConfig: { name: "cache" }, allowInsecureClusterOptions: true }),
    ...withoutSni,
  });
  assert.ok(insecure.ok);
  assert.equal(insecure.value.http.autoSni, false);
});

Deno.test("The destination of ORIGINAL_DST by header of any name and by metadata", () => {
  const result = parse({
    type: "ORIGINAL_DST",
    originalDstLbConfig: {
      useHttpHeader: true,
      httpHeaderName: "X-Where",
      metadataKey: { key: "ns", path: [{ key: "a" }, { key: "b" }] },
    },
  });
  assert.ok(result.ok);
  assert.equal(result.value.originalDstHeader, "x-where");
  assert.deepEqual(result.value.originalDstMetadata, { namespace: "ns", path: ["a", "b"] });
});

Deno.test("What is wrong with each is refused, with every reason", () => {
  const cases: [EnvoyConfigClusterV3Cluster, RegExp[]][] = [
    [aggregate([]), [/clusters': it must name at least one/]],
    [aggregate(["a", "c"]), [/clusters\[1\]': a cluster cannot be made of itself.*'c'/]],
    [{ ...aggregate(["a"]), lbPolicy: "ROUND_ROBIN" }, [/lb_policy.*aggregate/]],
    [dynamic({}), [/dns_cache_config': it must be given/]],
    [
      dynamic({ dnsCacheConfig: { maxHosts: { value: 0 }, hostTtl: {}, dnsRefreshRate: {} } }),
      [/name/, /dns_refresh_rate/, /max_hosts/, /host_ttl/],
    ],
    [{ ...dynamic({ dnsCacheConfig: { name: "n" } }), ...withoutSni }, [/allow_insecure_cluster_options/]],
    [
      { type: "ORIGINAL_DST", originalDstLbConfig: { httpHeaderName: "x", metadataKey: {} } },
      [/http_header_name.*use_http_header/, /metadata_key.key/, /metadata_key.path/],
    ],
    [{ type: "ORIGINAL_DST", loadAssignment: { clusterName: "c" } }, [/ORIGINAL_DST cannot have it/]],
    [
      { type: "LOGICAL_DNS", lbPolicy: "ROUND_ROBIN", loadAssignment: { clusterName: "c" } },
      [/LOGICAL_DNS must have one endpoint/],
    ],
  ];
  for (const [fields, expected] of cases) {
    const result = parse(fields);
    assert.ok(!result.ok, JSON.stringify(fields));
    assert.equal(result.errors.length, expected.length, result.errors.join("\n"));
    for (const pattern of expected) assert.ok(result.errors.some((error) => pattern.test(error)), String(pattern));
  }
});
