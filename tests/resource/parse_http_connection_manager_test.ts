import assert from "node:assert/strict";
import type {
  EnvoyConfigCoreV3ExtensionConfigSource,
  EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpConnectionManager as Message,
  EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpFilter as HttpFilter,
} from "../../lib/protobuf/gen/messages.ts";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import { type FilterParsers, NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import type { HttpConnectionManager } from "../../lib/resource/http_connection_manager.ts";
import { parseHttpConnectionManager } from "../../lib/resource/parse_http_connection_manager.ts";

const NAME = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const RDS = { routeConfigName: "80", configSource: { ads: {} } };
const ROUTER: HttpFilter = {
  name: "router",
  typedConfig: packAny("envoy.extensions.filters.http.router.v3.Router", {}),
};
const KNOWN: HttpFilter = { name: "known", typedConfig: packAny("google.protobuf.StringValue", { value: "x" }) };
const UNKNOWN: HttpFilter = { name: "unknown", typedConfig: packAny("google.protobuf.BoolValue", {}) };
const PARSERS: FilterParsers = {
  ...NO_FILTER_PARSERS,
  http: new Map([["google.protobuf.StringValue", {
    parse(bytes) {
      if (bytes.length === 0) throw new Error("It is empty");
      return { length: bytes.length };
    },
  }]]),
};

function parse(fields: Message, parsers = PARSERS) {
  return parseHttpConnectionManager(encode(NAME, { statPrefix: "s", rds: RDS, ...fields }), parsers);
}

function valid(fields: Message, parsers?: FilterParsers): HttpConnectionManager {
  const result = parse(fields, parsers);
  assert.ok(result.ok, result.ok ? "" : result.errors.join("\n"));
  assert.ok(result.value);
  return result.value;
}

function errors(fields: Message): readonly string[] {
  const result = parse(fields);
  assert.equal(result.ok, false, "it must not be valid");
  return result.ok ? [] : result.errors;
}

function unsupported(fields: Message, parsers?: FilterParsers): string[] {
  const result = parse(fields, parsers);
  assert.ok(result.ok, result.ok ? "" : result.errors.join("\n"));
  return result.unsupported.map(({ path, what }) => `${path}: ${what}`);
}

Deno.test("A connection manager gets Envoy's defaults", () => {
  assert.deepEqual(
    valid({}),
    {
      statPrefix: "s",
      codec: "auto",
      routes: { rds: "80" },
      httpFilters: [],
      tracing: false,
      suppressEnvoyHeaders: false,
      accessLogs: [],
      serverName: null,
      serverHeaderTransformation: "overwrite",
      forwardClientCert: "sanitize",
      setCurrentClientCert: { subject: false, cert: false, chain: false, dns: false, uri: false },
      xffNumTrustedHops: 0,
      via: null,
      appendForwardedPort: false,
      generateRequestId: true,
      preserveExternalRequestId: false,
      alwaysSetRequestIdInResponse: false,
      normalizePath: false,
      mergeSlashes: false,
      pathWithEscapedSlashes: "keep",
      upgrades: [],
      streamIdleTimeoutMs: 300_000,
      requestTimeoutMs: 0,
      requestHeadersTimeoutMs: 0,
      idleTimeoutMs: 3_600_000,
      maxRequestHeadersKb: 60,
      maxHeadersCount: 100,
      acceptHttp10: false,
      stripMatchingHostPort: false,
      stripAnyHostPort: false,
      stripTrailingHostDot: false,
      headersWithUnderscores: "allow",
      maxConnectionDurationMs: 0,
      maxStreamDurationMs: 0,
      maxRequestsPerConnection: 0,
      maxConcurrentStreams: null,
    } satisfies HttpConnectionManager,
  );
});

Deno.test("Settings that are given are taken", () => {
  const manager = valid({
    codecType: "HTTP2",
    serverName: "istio-envoy",
    serverHeaderTransformation: "PASS_THROUGH",
    forwardClientCertDetails: "APPEND_FORWARD",
    setCurrentClientCertDetails: { subject: { value: true }, uri: true },
    xffNumTrustedHops: 2,
    via: "proxy",
    appendXForwardedPort: true,
    generateRequestId: { value: false },
    normalizePath: { value: true },
    pathWithEscapedSlashesAction: "REJECT_REQUEST",
    upgradeConfigs: [{ upgradeType: "WebSocket" }, { upgradeType: "h2c", enabled: { value: false } }],
    streamIdleTimeout: {},
    commonHttpProtocolOptions: {
      idleTimeout: { seconds: 1 },
      maxHeadersCount: { value: 7 },
      headersWithUnderscoresAction: "REJECT_REQUEST",
    },
    httpProtocolOptions: { acceptHttp_10: true },
    http2ProtocolOptions: { maxConcurrentStreams: { value: 9 } },
  });
  assert.equal(manager.codec, "http2");
  assert.equal(manager.serverName, "istio-envoy");
  assert.equal(manager.forwardClientCert, "append_forward");
  assert.deepEqual(manager.setCurrentClientCert, { subject: true, cert: false, chain: false, dns: false, uri: true });
  assert.equal(manager.xffNumTrustedHops, 2);
  assert.equal(manager.via, "proxy");
  assert.equal(manager.appendForwardedPort, true);
  assert.equal(manager.generateRequestId, false);
  assert.equal(manager.pathWithEscapedSlashes, "reject");
  assert.deepEqual(manager.upgrades, ["websocket"]);
  assert.equal(manager.streamIdleTimeoutMs, 0);
  assert.equal(manager.idleTimeoutMs, 1_000);
  assert.equal(manager.maxHeadersCount, 7);
  assert.equal(manager.headersWithUnderscores, "reject");
  assert.equal(manager.acceptHttp10, true);
  assert.equal(manager.maxConcurrentStreams, 9);
});

Deno.test("Routes are given by name or in place, and errors inside carry the whole path", () => {
  const routeConfig = { virtualHosts: [{ name: "v", domains: ["*"] }] };
  const { routes } = valid({ rds: undefined as never, routeConfig });
  assert.ok("inline" in routes);
  assert.equal(routes.inline.virtualHosts[0]?.name, "v");
  assert.match(
    errors({ rds: undefined as never, routeConfig: { virtualHosts: [{ name: "v" }] } })[0]!,
    /^Cannot use 'route_config\.virtual_hosts\[0\]\.domains'/,
  );
  assert.match(errors({ rds: undefined as never })[0]!, /'route_config': routes must be given/);
  assert.match(errors({ rds: { routeConfigName: "" } })[0]!, /'rds\.route_config_name': it must not be empty/);
});

Deno.test("Without routes that can be had, or with HTTP/3, there is no connection manager: the chain refuses", () => {
  for (
    const fields of [
      { rds: undefined as never, scopedRoutes: { name: "scoped" } },
      { rds: { routeConfigName: "80", configSource: { pathConfigSource: { path: "/routes" } } } },
      { codecType: "HTTP3" },
    ]
  ) {
    const result = parse(fields);
    assert.ok(result.ok);
    assert.equal(result.value, null);
    assert.equal(result.unsupported.length, 1);
  }
});

Deno.test("HTTP filters: in order, without the router", () => {
  const { httpFilters } = valid({ httpFilters: [KNOWN, { ...KNOWN, name: "off", disabled: true }, ROUTER] });
  assert.deepEqual(httpFilters, [
    { name: "known", typeUrl: "google.protobuf.StringValue", plan: { length: 3 }, optional: false, disabled: false },
    { name: "off", typeUrl: "google.protobuf.StringValue", plan: { length: 3 }, optional: false, disabled: true },
  ]);
});

Deno.test("HTTP filters: an unknown one stays without a plan and is reported; optional and skipped ones are not", () => {
  const unknown = { name: "unknown", typeUrl: "google.protobuf.BoolValue", plan: null, disabled: false };
  assert.deepEqual(valid({ httpFilters: [UNKNOWN, ROUTER] }).httpFilters, [{ ...unknown, optional: false }]);
  assert.deepEqual(unsupported({ httpFilters: [UNKNOWN, ROUTER] }), ["http_filters[0]: google.protobuf.BoolValue"]);
  const optional = { httpFilters: [{ ...UNKNOWN, isOptional: true }, ROUTER] };
  assert.deepEqual(valid(optional).httpFilters, [{ ...unknown, optional: true }]);
  assert.deepEqual(unsupported(optional), []);
  const skipping = { ...PARSERS, skip: new Set(["unknown", "known"]) };
  const skipped = { httpFilters: [UNKNOWN, KNOWN, ROUTER] };
  assert.ok(valid(skipped, skipping).httpFilters.every((filter) => filter.plan === null && filter.optional));
  assert.deepEqual(unsupported(skipped, skipping), []);
});

const DISCOVERED = { name: "wasm", configDiscovery: { configSource: { ads: {} }, typeUrls: ["t/a.B", "t/c.D"] } };

Deno.test("HTTP filters: what is to be discovered has no plan of its own, and says what it may become", () => {
  const [filter] = valid({ httpFilters: [DISCOVERED, ROUTER] }).httpFilters;
  assert.deepEqual(filter, {
    name: "wasm",
    typeUrl: "a.B, c.D",
    plan: null,
    optional: false,
    disabled: false,
    discovery: { types: new Set(["a.B", "c.D"]), fallback: null, waits: true, timeoutMs: 15_000 },
  });
  assert.deepEqual(unsupported({ httpFilters: [DISCOVERED, { name: "bare" }, ROUTER] }), ["http_filters[1]: bare"]);
});

Deno.test("HTTP filters: the default configuration of one to be discovered is read with it", () => {
  const configDiscovery = {
    configSource: { ads: {}, initialFetchTimeout: {} },
    typeUrls: ["t/google.protobuf.StringValue"],
    defaultConfig: packAny("google.protobuf.StringValue", { value: "x" }),
    applyDefaultConfigWithoutWarming: true,
  };
  const { discovery } = valid({ httpFilters: [{ name: "wasm", configDiscovery }, ROUTER] }).httpFilters[0]!;
  assert.equal(discovery?.fallback?.typeUrl, "google.protobuf.StringValue");
  assert.notEqual(discovery?.fallback?.plan, null);
  assert.deepEqual([discovery?.waits, discovery?.timeoutMs], [false, 0]);
});

Deno.test("HTTP filters: how a filter is to be discovered is checked as Envoy checks it", () => {
  const of = (fields: EnvoyConfigCoreV3ExtensionConfigSource) => ({
    httpFilters: [{ name: "wasm", configDiscovery: { ...DISCOVERED.configDiscovery, ...fields } }, ROUTER],
  });
  const at = "Cannot use 'http_filters[0].config_discovery.";
  assert.deepEqual(errors({ httpFilters: [{ name: "wasm", configDiscovery: {} }, ROUTER] }), [
    `${at}type_urls': it must not be empty`,
    `${at}config_source': it must be given`,
  ]);
  assert.deepEqual(errors(of({ applyDefaultConfigWithoutWarming: true })), [
    `${at}apply_default_config_without_warming': it needs a 'default_config'`,
  ]);
  assert.deepEqual(errors(of({ defaultConfig: packAny("google.protobuf.StringValue", { value: "x" }) })), [
    `${at}default_config': its type must be one of 'a.B', 'c.D', current value is 'google.protobuf.StringValue'`,
  ]);
  assert.deepEqual(
    errors(of({
      typeUrls: ["t/google.protobuf.StringValue"],
      defaultConfig: packAny("google.protobuf.StringValue", {}),
    })),
    [`${at}default_config': 'google.protobuf.StringValue' is not valid (It is empty)`],
  );
  assert.deepEqual(unsupported(of({ configSource: { path: "/etc/x" } })), [
    "http_filters[0].config_discovery.config_source: configuration source '/etc/x'",
  ]);
});

Deno.test("HTTP filters: one to be discovered that ends the chain, or comes from elsewhere, refuses; a skipped one is left out", () => {
  assert.deepEqual(unsupported({ httpFilters: [DISCOVERED] }), ["http_filters[0]: config_discovery of a.B, c.D"]);
  assert.equal(valid({ httpFilters: [DISCOVERED] }).httpFilters[0]!.discovery, undefined);
  const [skipped] = valid({ httpFilters: [DISCOVERED, ROUTER] }, { ...PARSERS, skip: new Set(["wasm"]) }).httpFilters;
  assert.deepEqual([skipped?.optional, skipped?.plan, skipped?.discovery], [true, null, undefined]);
});

Deno.test("HTTP filters: a chain ends with the router, and nowhere else", () => {
  assert.match(errors({ httpFilters: [ROUTER, KNOWN, ROUTER] })[0]!, /http_filters\[0\]': the router must be the last/);
  assert.match(errors({ httpFilters: [KNOWN] })[0]!, /http_filters\[0\]': a filter that ends the chain must follow/);
  assert.deepEqual(valid({ httpFilters: [UNKNOWN] }).httpFilters.length, 1, "an unknown one may be what ends it");
});

Deno.test("HTTP filters: the reasons of a parser are errors of the resource", () => {
  const empty = { name: "known", typedConfig: packAny("google.protobuf.StringValue", {}) };
  assert.deepEqual(errors({ httpFilters: [empty, { name: "", typedConfig: {} }, ROUTER] }), [
    "Cannot use 'http_filters[0].typed_config': 'google.protobuf.StringValue' is not valid (It is empty)",
    "Cannot use 'http_filters[1].name': it must not be empty, current value is ''",
    "Cannot use 'http_filters[1].typed_config.type_url': it must not be empty, current value is ''",
  ]);
});

Deno.test("An upgrade with a chain of its own is not allowed", () => {
  const fields = { upgradeConfigs: [{ upgradeType: "websocket", filters: [ROUTER] }] };
  assert.deepEqual(valid(fields).upgrades, []);
  assert.deepEqual(unsupported(fields), ["upgrade_configs[0].filters: websocket"]);
});

Deno.test("What would change messages and is left out is reported", () => {
  assert.deepEqual(
    unsupported({
      useRemoteAddress: { value: true },
      addUserAgent: { value: true },
      appendLocalOverload: true,
      schemeHeaderTransformation: { schemeToOverwrite: "https" },
      pathNormalizationOptions: { httpFilterTransformation: {} },
      proxyStatusConfig: {},
      httpProtocolOptions: { headerKeyFormat: { properCaseWords: {} } },
    }),
    [
      "use_remote_address: use_remote_address",
      "add_user_agent: add_user_agent",
      "append_local_overload: append_local_overload",
      "scheme_header_transformation: scheme_header_transformation",
      "path_normalization_options: path_normalization_options",
      "proxy_status_config: proxy_status_config",
      "http_protocol_options.header_key_format: properCaseWords",
    ],
  );
  assert.deepEqual(unsupported({ useRemoteAddress: {}, addUserAgent: {}, httpProtocolOptions: {} }), []);
});
