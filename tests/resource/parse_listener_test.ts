import assert from "node:assert/strict";
import type {
  EnvoyConfigListenerV3Filter,
  EnvoyConfigListenerV3FilterChainMatch,
  EnvoyConfigListenerV3Listener,
} from "../../lib/protobuf/gen/messages.ts";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import { type FilterParser, type FilterParsers, NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import type { Listener } from "../../lib/resource/listener.ts";
import { parseListener } from "../../lib/resource/parse_listener.ts";

const TCP_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const tcpProxy: EnvoyConfigListenerV3Filter = {
  name: "tcp",
  typedConfig: packAny(TCP_PROXY, { statPrefix: "s", cluster: "c" }),
};
const manager: EnvoyConfigListenerV3Filter = {
  name: "http",
  typedConfig: packAny(HCM, { statPrefix: "s", routeConfig: {} }),
};
const odd: EnvoyConfigListenerV3Filter = { name: "odd", typedConfig: packAny("google.protobuf.BoolValue", {}) };
const CHAIN = { filters: [tcpProxy] };
const ADDRESS = { socketAddress: { address: "10.0.0.1", portValue: 80 } };

function parse(fields: EnvoyConfigListenerV3Listener, parsers: FilterParsers = NO_FILTER_PARSERS) {
  const message = { name: "l", address: ADDRESS, filterChains: [CHAIN], ...fields };
  return parseListener(encode("envoy.config.listener.v3.Listener", message), parsers);
}

function valid(fields: EnvoyConfigListenerV3Listener, parsers?: FilterParsers): Listener {
  const result = parse(fields, parsers);
  assert.ok(result.ok, result.ok ? "" : result.errors.join("\n"));
  return result.value;
}

function errors(fields: EnvoyConfigListenerV3Listener, parsers?: FilterParsers): readonly string[] {
  const result = parse(fields, parsers);
  assert.equal(result.ok, false, "it must not be valid");
  return result.ok ? [] : result.errors;
}

function withMatch(...matches: EnvoyConfigListenerV3FilterChainMatch[]): EnvoyConfigListenerV3Listener {
  return {
    filterChains: matches.map((filterChainMatch, index) => ({ ...CHAIN, name: `chain${index}`, filterChainMatch })),
  };
}

Deno.test("A filter chain's fingerprint is that of its configuration", () => {
  const of = (fields: EnvoyConfigListenerV3Listener) => valid(fields).filterChains[0]!.fingerprint;
  const other = { filterChains: [{ ...CHAIN, filterChainMatch: { transportProtocol: "tls" } }] };
  assert.equal(of({}), of({ name: "another listener" }));
  assert.notEqual(of({}), of(other));
});

Deno.test("A listener gets Envoy's defaults", () => {
  const { fingerprint } = valid({}).filterChains[0]!;
  assert.deepEqual(
    valid({}),
    {
      name: "l",
      direction: "unspecified",
      address: { hostname: "10.0.0.1", port: 80 },
      additionalAddresses: [],
      bindToPort: true,
      useOriginalDst: false,
      filterChains: [{
        name: "",
        match: {
          destinationPort: null,
          prefixRanges: [],
          serverNames: [],
          transportProtocol: "",
          applicationProtocols: [],
          directSourcePrefixRanges: [],
          sourceType: "any",
          sourcePrefixRanges: [],
          sourcePorts: [],
        },
        tls: null,
        filters: [{
          kind: "tcp_proxy",
          name: "tcp",
          config: {
            statPrefix: "s",
            clusters: [{ name: "c", weight: 1 }],
            idleTimeoutMs: 3_600_000,
            maxConnectAttempts: 1,
            accessLogs: [],
            hashSourceIp: false,
            tunnelingHostname: null,
          },
        }],
        transportSocketConnectTimeoutMs: null,
        fingerprint,
      }],
      defaultFilterChain: null,
      tlsInspector: null,
      httpInspector: null,
      listenerFiltersTimeoutMs: 15_000,
      continueOnListenerFiltersTimeout: false,
      accessLogs: [],
      unsupported: [],
    } satisfies Listener,
  );
});

Deno.test("Every condition of a filter chain", () => {
  const { match } = valid(withMatch({
    destinationPort: { value: 8080 },
    prefixRanges: [{ addressPrefix: "10.1.2.3", prefixLen: { value: 8 } }],
    serverNames: ["A.test", "*.b.test"],
    transportProtocol: "tls",
    applicationProtocols: ["h2"],
    directSourcePrefixRanges: [{ addressPrefix: "2001:db8::", prefixLen: { value: 32 } }],
    sourceType: "EXTERNAL",
    sourcePrefixRanges: [{ addressPrefix: "0.0.0.0" }],
    sourcePorts: [1, 65_535],
  })).filterChains[0]!;
  assert.equal(match.destinationPort, 8080);
  assert.deepEqual([...match.prefixRanges[0]!.address], [10, 0, 0, 0]);
  assert.equal(match.prefixRanges[0]!.text, "10.1.2.3/8");
  assert.deepEqual(match.serverNames, ["a.test", "*.b.test"]);
  assert.equal(match.directSourcePrefixRanges[0]!.address.length, 16);
  assert.equal(match.sourceType, "external");
  assert.equal(match.sourcePrefixRanges[0]!.prefixLength, 0);
  assert.deepEqual(match.sourcePorts, [1, 65_535]);
});

Deno.test("Wrong conditions are all reported", () => {
  const found = errors(withMatch({
    destinationPort: { value: 0 },
    prefixRanges: [{ addressPrefix: "10.0.0.0", prefixLen: { value: 33 } }, { addressPrefix: "x" }],
    serverNames: ["*", "a*.test", "**.test"],
    sourcePorts: [70_000],
    addressSuffix: "x",
    suffixLen: { value: 1 },
  }));
  assert.equal(found.length, 9, found.join("\n"));
  assert.match(found.join("\n"), /filter_chains\[0\]\.filter_chain_match\.prefix_ranges\[0\]'.*'10\.0\.0\.0\/33'/);
  assert.match(found.join("\n"), /server_names\[1\]'.*'a\*\.test'/);
});

Deno.test("Chains that match the same connections are refused", () => {
  const overlap = errors(withMatch(
    { serverNames: ["a", "b"], transportProtocol: "tls" },
    { serverNames: ["c"], transportProtocol: "tls" },
    { serverNames: ["c", "b"], transportProtocol: "tls" },
  ));
  assert.equal(overlap.length, 1);
  assert.match(overlap[0]!, /filter_chains\[2\]\.filter_chain_match': filter chain 'chain1' matches the same/);
  valid(withMatch({ serverNames: ["a"] }, { serverNames: ["a"], transportProtocol: "tls" }, {}));
  assert.equal(errors(withMatch({}, {})).length, 1);
});

Deno.test("Network filters: known ones are read, unknown ones refuse and are reported", () => {
  const plan = { plan: true };
  const parser: FilterParser = { parse: () => plan };
  const parsers = { ...NO_FILTER_PARSERS, network: new Map([["google.protobuf.BoolValue", parser]]) };
  const fields = { filterChains: [{ filters: [odd, tcpProxy] }] };
  assert.deepEqual(valid(fields, parsers).filterChains[0]!.filters[0], {
    kind: "filter",
    name: "odd",
    typeUrl: "google.protobuf.BoolValue",
    plan,
  });
  const refused = valid(fields);
  assert.deepEqual(refused.filterChains[0]!.filters[0], {
    kind: "unsupported",
    name: "odd",
    typeUrl: "google.protobuf.BoolValue",
  });
  assert.deepEqual(refused.unsupported, [
    { path: "filter_chains[0].filters[0]", what: "google.protobuf.BoolValue" },
  ]);
  const skipped = valid(fields, { ...NO_FILTER_PARSERS, skip: new Set(["odd"]) });
  assert.deepEqual(skipped.filterChains[0]!.filters.map((filter) => filter.kind), ["tcp_proxy"]);
  assert.deepEqual(skipped.unsupported, []);
});

Deno.test("Network filters: those that only count are left out without a word", () => {
  const mongo = {
    name: "envoy.filters.network.mongo_proxy",
    typedConfig: {
      typeUrl: "type.googleapis.com/envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy",
      value: new Uint8Array(),
    },
  };
  const listener = valid({ filterChains: [{ filters: [mongo, tcpProxy] }] });
  assert.deepEqual(listener.filterChains[0]!.filters.map((filter) => filter.kind), ["tcp_proxy"]);
  assert.deepEqual(listener.unsupported, []);
});

Deno.test("Network filters: what is to be discovered says what it may become; from elsewhere, it refuses", () => {
  const discovered = { name: "wasm", configDiscovery: { configSource: { ads: {} }, typeUrls: ["x/envoy.Wasm"] } };
  const [filter] = valid({ filterChains: [{ filters: [discovered, tcpProxy] }] }).filterChains[0]!.filters;
  assert.deepEqual(filter, {
    kind: "discovered",
    name: "wasm",
    discovery: { types: new Set(["envoy.Wasm"]), fallback: null, waits: true, timeoutMs: 15_000 },
  });
  const elsewhere = { ...discovered.configDiscovery, configSource: { path: "/x" } };
  const listener = valid({ filterChains: [{ filters: [{ name: "wasm", configDiscovery: elsewhere }, tcpProxy] }] });
  assert.equal(listener.filterChains[0]!.filters[0]!.kind, "unsupported");
  assert.deepEqual(listener.unsupported, [
    { path: "filter_chains[0].filters[0].config_discovery.config_source", what: "configuration source '/x'" },
  ]);
  const last = { filterChains: [{ filters: [discovered] }] };
  assert.match(errors(last)[0]!, /a filter that ends the chain must follow the last one/);
});

Deno.test("Network filters: a TypedStruct is opened, and its parser told what it gets", () => {
  const seen: unknown[] = [];
  const parser: FilterParser = { parse: (bytes, form) => (seen.push([bytes.length > 0, form]), {}) };
  const parsers = { ...NO_FILTER_PARSERS, network: new Map([["lab.Filter", parser]]) };
  const struct = { typeUrl: "type.googleapis.com/lab.Filter", value: { fields: { a: { numberValue: 1 } } } };
  for (const name of ["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"] as const) {
    valid({ filterChains: [{ filters: [{ name: "f", typedConfig: packAny(name, struct) }, tcpProxy] }] }, parsers);
  }
  assert.deepEqual(seen, [[true, "struct"], [true, "struct"]]);
});

Deno.test("Network filters: order, and configurations that are not valid", () => {
  assert.match(errors({ filterChains: [{ filters: [tcpProxy, manager] }] })[0]!, /must be the last one.*'tcp'/);
  const parsers = {
    ...NO_FILTER_PARSERS,
    network: new Map([["google.protobuf.BoolValue", {
      parse(): object {
        throw new Error("First reason; second reason");
      },
    }]]),
  };
  assert.deepEqual(errors({ filterChains: [{ filters: [odd, tcpProxy] }] }, parsers), [
    "Cannot use 'filter_chains[0].filters[0].typed_config': 'google.protobuf.BoolValue' is not valid " +
    "(First reason; second reason)",
  ]);
  const known = { ...NO_FILTER_PARSERS, network: new Map([["google.protobuf.BoolValue", { parse: () => ({}) }]]) };
  assert.match(errors({ filterChains: [{ filters: [odd] }] }, known)[0]!, /must follow the last one.*'odd'/);
  const broken = { name: "tcp", typedConfig: { typeUrl: `x/${TCP_PROXY}`, value: new Uint8Array([0xff]) } };
  assert.match(errors({ filterChains: [{ filters: [broken] }] })[0]!, /is not valid/);
});

Deno.test("Unsupported transports and proxy protocol make a chain refuse, not listen in plaintext", () => {
  for (
    const chain of [
      { ...CHAIN, transportSocket: { name: "odd" } },
      { ...CHAIN, useProxyProto: { value: true } },
    ]
  ) {
    const listener = valid({ filterChains: [chain] });
    assert.deepEqual(listener.filterChains[0]!.filters.map((filter) => filter.kind), ["unsupported"]);
    assert.equal(listener.unsupported.length, 1);
  }
});

Deno.test("A matcher that is not followed, or an unknown listener filter, leaves no chain to choose", () => {
  for (const fields of [{ filterChainMatcher: {} }, { listenerFilters: [{ name: "odd.listener" }] }]) {
    const listener = valid({ ...fields, defaultFilterChain: CHAIN });
    assert.deepEqual(listener.filterChains, []);
    assert.equal(listener.defaultFilterChain, null);
    assert.equal(listener.unsupported.length, 1);
  }
});

Deno.test("Inspectors, and the ports they do not look at", () => {
  const range = (start: number, end: number) => ({ destinationPortRange: { start, end } });
  const inspector = (typeUrl: string, filterDisabled: { orMatch?: { rules: unknown[] } } = {}) => ({
    name: "inspector",
    typedConfig: { typeUrl, value: new Uint8Array() },
    ...(filterDisabled.orMatch === undefined ? {} : { filterDisabled: filterDisabled as object }),
  });
  const listener = valid({
    listenerFilters: [
      { name: "envoy.filters.listener.original_dst" },
      inspector("x/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"),
      inspector("x/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector", {
        orMatch: { rules: [range(15_006, 15_007), range(80, 82)] },
      }),
    ],
    listenerFiltersTimeout: {},
    continueOnListenerFiltersTimeout: true,
  });
  assert.deepEqual(listener.tlsInspector, { disabledPorts: [] });
  assert.deepEqual(listener.httpInspector, { disabledPorts: [80, 81, 15_006] });
  assert.equal(listener.listenerFiltersTimeoutMs, 0);
  assert.equal(listener.continueOnListenerFiltersTimeout, true);
  assert.deepEqual(listener.unsupported, []);
});

Deno.test("Addresses: internal listeners have none, further ones are kept, ports are checked", () => {
  assert.equal(valid({ internalListener: {} }).address, null);
  const extra = { address: { socketAddress: { address: "::1", portValue: 80 } } };
  assert.deepEqual(valid({ additionalAddresses: [extra] }).additionalAddresses, [{ hostname: "::1", port: 80 }]);
  assert.match(
    errors({ address: { socketAddress: { address: "", portValue: 65_536 } } }).join("\n"),
    /address\.socket_address\.port_value': it must be from 0 to 65535, current value is '65536'/,
  );
  assert.match(errors({ address: {} })[0]!, /'address': it must hold an address/);
});

Deno.test("A listener without any chain is refused", () => {
  assert.match(errors({ filterChains: [] })[0]!, /'filter_chains': it must not be empty/);
  assert.equal(valid({ filterChains: [], defaultFilterChain: CHAIN }).defaultFilterChain?.filters.length, 1);
});

Deno.test("tcp_proxy: weights, timeouts and tunnels", () => {
  const proxy = (fields: Parameters<typeof packAny<typeof TCP_PROXY>>[1]) => {
    const typedConfig = packAny(TCP_PROXY, { statPrefix: "s", ...fields });
    return parse({ filterChains: [{ filters: [{ name: "tcp", typedConfig }] }] });
  };
  const result = proxy({
    weightedClusters: { clusters: [{ name: "a", weight: 80 }, { name: "b", weight: 20 }] },
    idleTimeout: {},
    maxConnectAttempts: { value: 3 },
    hashPolicy: [{ sourceIp: {} }],
    tunnelingConfig: { hostname: "%X%" },
  });
  assert.ok(result.ok);
  const filter = result.value.filterChains[0]!.filters[0]!;
  assert.ok(filter.kind === "tcp_proxy");
  assert.deepEqual(filter.config, {
    statPrefix: "s",
    clusters: [{ name: "a", weight: 80 }, { name: "b", weight: 20 }],
    idleTimeoutMs: null,
    maxConnectAttempts: 3,
    accessLogs: [],
    hashSourceIp: true,
    tunnelingHostname: "%X%",
  });
  const bad = proxy({ weightedClusters: { clusters: [{ name: "a" }] } });
  assert.match(bad.ok ? "" : bad.errors[0]!, /weighted_clusters\.clusters\[0\]\.weight': it must be at least 1/);
  assert.equal(proxy({}).ok, false);
});
