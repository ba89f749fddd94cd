import assert from "node:assert/strict";
import { decode, unpackAny } from "../../../lib/protobuf/registry.ts";
import { generate, TYPE } from "../../../lib/testing/generate/generator.ts";
import { ObjectStore } from "../../../lib/testing/object_store.ts";
import { Generated, service, SLEEP } from "./generated.ts";

const MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const WASM = "envoy.extensions.filters.http.wasm.v3.Wasm";

function plugin(name: string, spec: string, namespace = "default", kind = "WasmPlugin"): string {
  const url = kind === "WasmPlugin" ? "url: https://files.example.test/x.wasm," : "";
  return `{apiVersion: extensions.istio.io/v1alpha1, kind: ${kind}, metadata: {name: ${name}, namespace: ${namespace}}, ` +
    `spec: {${url} ${spec}}}`;
}

/** Short names of the extensions among filters. */
function extensions(filters: readonly { name?: string }[] | undefined): string[] {
  return (filters ?? []).map(({ name = "" }) => /trafficextension\/(?:\w[\w-]*)\.([^~]+)/.exec(name)?.[1])
    .filter((name) => name !== undefined);
}

/** The extensions of the HTTP filters and of the network filters of a chain of a listener. */
function placed(documents: readonly string[], listener: string, port?: number): { http: string[]; network: string[] } {
  const { filterChains = [] } = new Generated(documents).listener(listener);
  const chain = filterChains.find((chain) =>
    port === undefined ? true : chain.filterChainMatch?.destinationPort?.value === port
  );
  const manager = chain?.filters?.find(({ name }) => name === "envoy.filters.network.http_connection_manager");
  const http = manager === undefined ? [] : extensions(unpackAny(MANAGER, manager.typedConfig!).httpFilters);
  return { http, network: extensions(chain?.filters) };
}

const SLEEP_SERVICE = service("sleep", ["http:80"]);

function httpOrder(...documents: string[]): string[] {
  return placed([SLEEP_SERVICE, ...documents], "0.0.0.0_80").http;
}

Deno.test("Extensions stand in the order of phases, then of priorities; those without one go last, the oldest first", () => {
  assert.deepEqual(
    httpOrder(
      plugin("late", ""),
      plugin("stats", "phase: STATS"),
      plugin("authz", "phase: AUTHZ"),
      plugin("none", "phase: AUTHN"),
      plugin("low", "phase: AUTHN, priority: -5"),
      plugin("high", "phase: AUTHN, priority: 10"),
      plugin("a-younger", "phase: AUTHN"),
      plugin("zero", "phase: AUTHN, priority: 0"),
    ),
    ["high", "zero", "low", "none", "a-younger", "authz", "stats", "late"],
  );
});

Deno.test("Extensions are for the workloads of their namespace that they select, or for all from the root namespace", () => {
  assert.deepEqual(
    httpOrder(
      plugin("root", "", "istio-system"),
      plugin("own", ""),
      plugin("selected", "selector: {matchLabels: {app: sleep}}"),
      plugin("other-app", "selector: {matchLabels: {app: cart}}"),
      plugin("other-namespace", "", "shop"),
      plugin("native", "wasm: {url: 'oci://registry.example.test/x:v1'}", "default", "TrafficExtension"),
    ),
    ["own", "selected", "native", "root"],
  );
});

Deno.test("Extensions are for a direction and for ports: of services outbound, of the workload inbound", () => {
  const documents = [
    JSON.stringify({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "sleep", namespace: "default" },
      spec: {
        clusterIP: "10.96.0.5",
        selector: { app: "sleep" },
        ports: [{ name: "http", port: 80, targetPort: 8080 }],
      },
    }),
    plugin("client", "match: [{mode: CLIENT}]"),
    plugin("server", "match: [{mode: SERVER}]"),
    plugin("both", "match: [{mode: CLIENT_AND_SERVER}]"),
    plugin("p80", "match: [{ports: [{number: 80}]}]"),
    plugin("p8080", "match: [{ports: [{number: 1}]}, {ports: [{number: 8080}]}]"),
  ];
  assert.deepEqual(placed(documents, "0.0.0.0_80").http, ["client", "both", "p80"]);
  assert.deepEqual(placed(documents, "virtualInbound", 8080).http, ["server", "both", "p8080"]);
});

Deno.test("Network extensions stand before what ends the chain, on connections of both kinds", () => {
  const network = plugin("sniff", "type: NETWORK");
  assert.deepEqual(placed([SLEEP_SERVICE, network], "0.0.0.0_80"), { http: [], network: ["sniff"] });
  assert.deepEqual(placed([SLEEP_SERVICE, network], "virtualInbound", 80), { http: [], network: ["sniff"] });
  const tcp = [service("redis", ["tcp:6379"]), network];
  assert.deepEqual(placed(tcp, "10.96.0.5_6379"), { http: [], network: ["sniff"] });
});

function config(documents: readonly string[], name: string) {
  const { view } = new Generated(documents);
  const full = `extensions.istio.io/trafficextension/${name}~istio-translated-wasmplugin`;
  const [resource] = generate({ view, node: SLEEP }, TYPE.extension, [full]) ?? [];
  if (resource === undefined) return null;
  const { typedConfig } = decode("envoy.config.core.v3.TypedExtensionConfig", resource.value);
  return unpackAny(WASM, typedConfig!).config!;
}

Deno.test("The resource of an extension carries what its object says, as istiod's agent reads it", () => {
  const { vmConfig, configuration, ...rest } = config([
    plugin(
      "x",
      "sha256: '" + "ab".repeat(32) + "', imagePullPolicy: Always, failStrategy: FAIL_RELOAD, pluginName: root, " +
        "pluginConfig: {b: {d: 1, c: [true]}, a: x}, vmConfig: {env: [{name: A, value: '1'}, {name: B, valueFrom: HOST}]}",
    ),
  ], "default.x")!;
  assert.deepEqual(rest, {
    name: "default.x~istio-translated-wasmplugin",
    rootId: "root",
    failurePolicy: "FAIL_RELOAD",
  });
  assert.equal(
    unpackAny("google.protobuf.StringValue", configuration!).value,
    '{"a":"x","b":{"c":[true],"d":1}}',
  );
  assert.deepEqual(vmConfig?.environmentVariables, {
    keyValues: {
      ISTIO_META_WASM_IMAGE_PULL_POLICY: "Always",
      ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: "1",
      A: "1",
    },
    hostEnvKeys: ["B"],
  });
  assert.deepEqual(vmConfig?.code, {
    remote: {
      httpUri: { uri: "https://files.example.test/x.wasm", cluster: "_", timeout: { seconds: 30 } },
      sha256: "ab".repeat(32),
    },
  });
});

Deno.test("A pull secret is the Docker configuration of the Secret beside the extension, or nothing at all", () => {
  const secret = (namespace: string) =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "pull", namespace },
      data: { ".dockerconfigjson": btoa("{}") },
    });
  const pulled = plugin("x", "imagePullSecret: pull");
  const value = (...documents: string[]) =>
    config([...documents, pulled], "default.x")!.vmConfig!.environmentVariables!.keyValues!
      .ISTIO_META_WASM_IMAGE_PULL_SECRET;
  assert.equal(value(secret("default")), "{}");
  assert.equal(value(secret("shop")), "");
  assert.equal(value(), "");
});

Deno.test("A workload sees the resources of its own namespace and the root, and no others", () => {
  assert.notEqual(config([plugin("x", "", "istio-system")], "istio-system.x"), null);
  assert.equal(config([plugin("x", "", "shop")], "shop.x"), null);
  assert.equal(config([plugin("x", "")], "default.y"), null);
});

Deno.test("The version of an extension changes with the object, not with what leaves it as it is", () => {
  const version = (...documents: string[]) =>
    config(documents, "default.x")!.vmConfig!.environmentVariables!.keyValues!.ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION;
  assert.equal(version(plugin("x", ""), plugin("x", "")), "1");
  assert.equal(version(plugin("x", ""), plugin("x", "priority: 1")), "2");
});

Deno.test("What istiod's validation refuses is refused", () => {
  const refused = (spec: string, pattern: RegExp) =>
    assert.throws(
      () => new ObjectStore().apply(plugin("x", spec).replace("url: https://files.example.test/x.wasm,", "")),
      pattern,
    );
  refused("phase: AUTHN", /field 'spec.url' is required/);
  refused(
    "url: ftp://x/y",
    /field 'spec.url' must have one of the schemes file, http, https, oci, current value is 'ftp:/,
  );
  refused("url: x/y, sha256: AB", /field 'spec.sha256' must be 64 lower-case hexadecimal digits/);
  refused("url: x/y, vmConfig: {env: [{name: A}, {name: A}]}", /'spec.vmConfig.env\[1\].name' must be unique/);
  refused("url: x/y, vmConfig: {env: [{name: A, value: x, valueFrom: HOST}]}", /'valueFrom' is HOST/);
  refused("url: x/y, match: [{ports: [{number: 0}]}]", /'spec.match\[0\].ports\[0\].number' must be a number/);
  refused("url: x/y, targetRefs: []", /'spec.targetRefs' is not supported/);
});

Deno.test("A URL without a scheme is an image", () => {
  const document = plugin("x", "").replace("https://files.example.test/x.wasm", "registry.example.test/filters/x:v1");
  assert.equal(
    config([document], "default.x")?.vmConfig?.code?.remote?.httpUri?.uri,
    "oci://registry.example.test/filters/x:v1",
  );
});
