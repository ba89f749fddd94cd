import assert from "node:assert/strict";
import { decode } from "../../../lib/protobuf/registry.ts";
import type { EnvoyConfigClusterV3Cluster as Cluster } from "../../../lib/protobuf/gen/messages.ts";
import { Generated, networking, service, SLEEP } from "./generated.ts";

const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const HOST = "a.default.svc.cluster.local";
const PORTS = ["http:80", "grpc:81", "tcp:82", "x:83"];

/** The cluster of host `a` under a policy. */
function clusterOf(policy: string, port = 80, subset = "", rest = ""): Cluster {
  const rule = networking("DestinationRule", `{host: a, trafficPolicy: {${policy}}, ${rest}}`);
  return new Generated([service("a", PORTS), rule]).cluster(`outbound|${port}|${subset}|${HOST}`);
}

function http(cluster: Cluster) {
  const any = cluster.typedExtensionProtocolOptions?.[OPTIONS];
  return any === undefined ? undefined : decode(OPTIONS, any.value ?? new Uint8Array());
}

function tls(cluster: Cluster) {
  const any = cluster.transportSocket!.typedConfig!;
  return decode("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", any.value!);
}

Deno.test("load balancers with their settings", () => {
  const of = (balancer: string) => {
    const { lbPolicy, ringHashLbConfig, maglevLbConfig, roundRobinLbConfig, leastRequestLbConfig, type } = clusterOf(
      `loadBalancer: {${balancer}}`,
    );
    const config = ringHashLbConfig ?? maglevLbConfig ?? roundRobinLbConfig ?? leastRequestLbConfig;
    return [lbPolicy ?? "ROUND_ROBIN", config, type];
  };
  assert.deepEqual(of(""), ["LEAST_REQUEST", undefined, "EDS"]);
  assert.deepEqual(of("simple: LEAST_CONN"), ["LEAST_REQUEST", undefined, "EDS"]);
  assert.deepEqual(of("simple: RANDOM, warmup: {duration: 1s}"), ["RANDOM", undefined, "EDS"]);
  assert.deepEqual(of("simple: PASSTHROUGH"), ["CLUSTER_PROVIDED", undefined, "ORIGINAL_DST"]);
  assert.deepEqual(of("simple: ROUND_ROBIN, warmupDurationSecs: 3s"), [
    "ROUND_ROBIN",
    { slowStartConfig: { slowStartWindow: { seconds: 3 } } },
    "EDS",
  ]);
  assert.deepEqual(of("warmup: {duration: 3s, aggression: 2}")[1], {
    slowStartConfig: {
      slowStartWindow: { seconds: 3 },
      aggression: { defaultValue: 2, runtimeKey: "(" },
      minWeightPercent: { value: 10 },
    },
  });
  assert.deepEqual(of("consistentHash: {useSourceIp: true}"), [
    "RING_HASH",
    { minimumRingSize: { value: 1024 } },
    "EDS",
  ]);
  assert.deepEqual(of("consistentHash: {useSourceIp: true, minimumRingSize: 7}")[1], { minimumRingSize: { value: 7 } });
  assert.deepEqual(of("consistentHash: {useSourceIp: true, ringHash: {}}"), ["RING_HASH", undefined, "EDS"]);
  assert.deepEqual(of("consistentHash: {useSourceIp: true, maglev: {tableSize: 17}}"), [
    "MAGLEV",
    { tableSize: { value: 17 } },
    "EDS",
  ]);
});

Deno.test("a subset goes before its host part by part, a port's level in place of four parts", () => {
  const policy = "loadBalancer: {simple: RANDOM}, outlierDetection: {}, retryBudget: {percent: 9}, " +
    "portLevelSettings: [{port: {number: 81}, connectionPool: {tcp: {maxConnections: 3}}}]";
  const subsets = "subsets: [{name: s, labels: {v: s}, trafficPolicy: {loadBalancer: {warmup: {duration: 1s}}, " +
    "portLevelSettings: [{port: {number: 82}, tls: {mode: DISABLE}}]}}]";
  const facts = (port: number, subset: string) => {
    const made = clusterOf(policy, port, subset, subsets);
    const { maxConnections, retryBudget } = made.circuitBreakers!.thresholds![0]!;
    return [made.lbPolicy, made.outlierDetection !== undefined, maxConnections!.value === 3, retryBudget !== undefined];
  };
  assert.deepEqual(facts(80, ""), ["RANDOM", true, false, true]);
  assert.deepEqual(facts(80, "s"), ["LEAST_REQUEST", true, false, true]);
  assert.deepEqual(facts(81, ""), ["LEAST_REQUEST", false, true, false]);
  assert.deepEqual(facts(81, "s"), ["LEAST_REQUEST", false, true, false]);
  // The subset's port level drops what the host says about these four, and keeps the budget.
  assert.deepEqual(facts(82, "s"), ["LEAST_REQUEST", false, false, true]);
});

Deno.test("limits of 0 are none", () => {
  const { thresholds } = clusterOf(
    "connectionPool: {tcp: {maxConnections: 0}, http: {http2MaxRequests: 0, maxRetries: 0, http1MaxPendingRequests: 5}}",
  ).circuitBreakers!;
  const none = { value: 0xffffffff };
  assert.deepEqual(thresholds, [
    { maxConnections: none, maxPendingRequests: { value: 5 }, maxRequests: none, maxRetries: none },
  ]);
});

Deno.test("retry budgets", () => {
  const budget = (fields: string) => clusterOf(`retryBudget: {${fields}}`).circuitBreakers!.thresholds![0]!.retryBudget;
  assert.deepEqual(budget(""), { budgetPercent: { value: 20 }, minRetryConcurrency: { value: 3 } });
  assert.deepEqual(budget("percent: 0, minRetryConcurrency: 9"), {
    budgetPercent: {},
    minRetryConcurrency: { value: 9 },
  });
});

Deno.test("outlier detection: each count with its enforcement", () => {
  const { outlierDetection, commonLbConfig } = clusterOf(
    "outlierDetection: {consecutive5xxErrors: 0, consecutiveGatewayErrors: 3, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, maxEjectionPercent: 0, minHealthPercent: 40}",
  );
  assert.deepEqual(outlierDetection, {
    enforcingSuccessRate: {},
    consecutive_5xx: {},
    enforcingConsecutive_5xx: {},
    consecutiveGatewayFailure: { value: 3 },
    enforcingConsecutiveGatewayFailure: { value: 100 },
    splitExternalLocalOriginErrors: true,
    enforcingLocalOriginSuccessRate: {},
    consecutiveLocalOriginFailure: { value: 2 },
    enforcingConsecutiveLocalOriginFailure: { value: 100 },
  });
  assert.deepEqual(commonLbConfig!.healthyPanicThreshold, { value: 40 });
});

Deno.test("HTTP versions: by port, by upgrade, by what the caller speaks", () => {
  const version = (pool: string, port: number) => {
    const made = http(clusterOf(`connectionPool: {http: {${pool}}}`, port));
    if (made === undefined) return "default";
    if (made.useDownstreamProtocolConfig !== undefined) return "client";
    return made.explicitHttpConfig!.http2ProtocolOptions === undefined ? "http1" : "http2";
  };
  assert.equal(version("", 80), "default");
  assert.equal(version("", 81), "http2");
  assert.equal(version("", 83), "client");
  assert.equal(version("h2UpgradePolicy: UPGRADE", 80), "http2");
  assert.equal(version("h2UpgradePolicy: UPGRADE", 82), "http2");
  assert.equal(version("h2UpgradePolicy: UPGRADE", 83), "client");
  assert.equal(version("useClientProtocol: true", 80), "client");
  assert.equal(version("useClientProtocol: true", 81), "client");
  assert.equal(version("idleTimeout: 1s", 80), "http1");
});

Deno.test("HTTP connections: idle times, streams, pings", () => {
  assert.deepEqual(http(clusterOf("connectionPool: {tcp: {idleTimeout: 9s}}"))!.commonHttpProtocolOptions, {
    idleTimeout: { seconds: 9 },
  });
  const pool = "maxConcurrentStreams: 3, http2KeepAlive: {interval: 4s, timeout: 1s}, idleTimeout: 5s";
  const http2 = http(clusterOf(`connectionPool: {tcp: {idleTimeout: 9s}, http: {${pool}}}`, 81))!;
  assert.deepEqual(http2.commonHttpProtocolOptions, { idleTimeout: { seconds: 5 } });
  assert.deepEqual(http2.explicitHttpConfig!.http2ProtocolOptions, {
    maxConcurrentStreams: { value: 3 },
    connectionKeepalive: { interval: { seconds: 4 }, timeout: { seconds: 1 } },
  });
});

Deno.test("TLS: files, system roots, no verification, names", () => {
  const context = (fields: string) => tls(clusterOf(`tls: {${fields}}`));
  const files = context(
    "mode: MUTUAL, clientCertificate: /c, privateKey: /k, caCertificates: /ca, caCrl: /crl, sni: s.test, subjectAltNames: [a.test]",
  );
  assert.equal(files.sni, "s.test");
  assert.equal(files.commonTlsContext!.tlsCertificateSdsSecretConfigs![0]!.name, "file-cert:/c~/k");
  const { defaultValidationContext, validationContextSdsSecretConfig } = files.commonTlsContext!
    .combinedValidationContext!;
  assert.deepEqual(defaultValidationContext, {
    matchSubjectAltNames: [{ exact: "a.test" }],
    crl: { filename: "/crl" },
  });
  assert.equal(validationContextSdsSecretConfig!.name, "file-root:/ca");
  const simple = context("mode: SIMPLE").commonTlsContext!.combinedValidationContext!;
  assert.equal(simple.validationContextSdsSecretConfig!.name, "file-root:system");
  assert.deepEqual(context("mode: SIMPLE, insecureSkipVerify: true").commonTlsContext!.validationContext, {});
  assert.equal(clusterOf("tls: {mode: DISABLE}").transportSocket, undefined);
});

Deno.test("a secret is for rules of some workloads only; others go without TLS", () => {
  const withheld = clusterOf("tls: {mode: SIMPLE, credentialName: partner}");
  assert.equal(withheld.transportSocket, undefined);
  assert.equal(http(withheld), undefined);
  const secret = (name: string, rest: string) =>
    tls(clusterOf(`tls: {mode: MUTUAL, credentialName: "${name}"}`, 80, "", rest)).commonTlsContext!;
  const own = secret("partner", "workloadSelector: {matchLabels: {app: sleep}}");
  assert.equal(own.tlsCertificateSdsSecretConfigs![0]!.name, "kubernetes://partner");
  assert.equal(own.combinedValidationContext!.validationContextSdsSecretConfig!.name, "kubernetes://partner-cacert");
  assert.deepEqual(own.tlsCertificateSdsSecretConfigs![0]!.sdsConfig, { ads: {}, resourceApiVersion: "V3" });
  const map = secret("configmap://shop/roots", "");
  assert.equal(map.combinedValidationContext!.validationContextSdsSecretConfig!.name, "configmap://shop/roots-cacert");
});

Deno.test("the PROXY protocol wraps whatever is spoken", () => {
  const PROXY = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport";
  const of = (made: Cluster) => decode(PROXY, made.transportSocket!.typedConfig!.value!);
  const plain = of(clusterOf("proxyProtocol: {}, tls: {mode: DISABLE}"));
  assert.deepEqual([plain.config, plain.transportSocket!.name], [{}, "raw_buffer"]);
  const simple = of(clusterOf("proxyProtocol: {version: V2}, tls: {mode: SIMPLE}"));
  assert.deepEqual([simple.config, simple.transportSocket!.name], [{ version: "V2" }, "envoy.transport_sockets.tls"]);
  const matches = clusterOf("proxyProtocol: {version: V2}").transportSocketMatches!;
  assert.deepEqual(matches.map(({ name }) => name), ["tlsMode-istio", "tlsMode-disabled"]);
  for (const { transportSocket } of matches) assert.ok(transportSocket!.typedConfig!.typeUrl!.endsWith(PROXY));
});

Deno.test("where connections pass through, mutual TLS needs every endpoint to take it", () => {
  const pod = (name: string, mode: string) =>
    `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, labels: {app: a, ${mode}}}, spec: {}, status: {podIP: 10.0.0.${name.length}}}`;
  const rule = networking("DestinationRule", "{host: a, trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}}");
  const istio = "security.istio.io/tlsMode: istio";
  const socket = (...pods: string[]) =>
    new Generated([service("a", PORTS), rule, ...pods]).cluster(`outbound|80||${HOST}`).transportSocket?.name;
  assert.equal(socket(), undefined);
  assert.equal(socket(pod("p", istio)), "envoy.transport_sockets.tls");
  assert.equal(socket(pod("p", istio), pod("pp", "x: y")), undefined);
});

Deno.test("a subset passes through where its host does, whatever balancer it asks for", () => {
  const made = clusterOf(
    "loadBalancer: {simple: PASSTHROUGH}",
    80,
    "s",
    "subsets: [{name: s, labels: {}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}]",
  );
  assert.deepEqual([made.type, made.lbPolicy], ["ORIGINAL_DST", "CLUSTER_PROVIDED"]);
  assert.equal(made.transportSocketMatches, undefined);
  // Only a policy that passes through itself makes istiod look at the endpoints.
  assert.equal(made.transportSocket!.name, "envoy.transport_sockets.tls");
});

Deno.test("a rule for some workloads is for them alone", () => {
  const rule = networking(
    "DestinationRule",
    "{host: a, workloadSelector: {matchLabels: {app: sleep}}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}",
  );
  const policy = (labels: Record<string, string>) =>
    new Generated([service("a", PORTS), rule], { ...SLEEP, labels }).cluster(`outbound|80||${HOST}`).lbPolicy;
  assert.equal(policy({ app: "sleep" }), "RANDOM");
  assert.equal(policy({ app: "other" }), "LEAST_REQUEST");
});
