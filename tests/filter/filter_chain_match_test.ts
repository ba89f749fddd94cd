import assert from "node:assert/strict";
import {
  type CompiledFilterChains,
  compileFilterChains,
  type ConnectionFacts,
  selectFilterChain,
} from "../../lib/filter/filter_chain_match.ts";
import { cidrRange } from "../../lib/resource/cidr.ts";
import type { CidrRange } from "../../lib/resource/common.ts";
import type { FilterChain, FilterChainMatch } from "../../lib/resource/listener.ts";
import { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import { readRecording, RECORDING_PARSERS } from "../vector/recording.ts";

const EVERYTHING: FilterChainMatch = {
  destinationPort: null,
  prefixRanges: [],
  serverNames: [],
  transportProtocol: "",
  applicationProtocols: [],
  directSourcePrefixRanges: [],
  sourceType: "any",
  sourcePrefixRanges: [],
  sourcePorts: [],
};
const PLAIN: ConnectionFacts = {
  destination: { hostname: "10.0.0.11", port: 8080 },
  serverName: "",
  transportProtocol: "raw_buffer",
  applicationProtocols: [],
  source: { hostname: "10.0.0.1", port: 40_000 },
};

function range(text: string): CidrRange {
  const [address, length] = text.split("/");
  return cidrRange(address!, Number(length))!;
}

function chain(name: string, match: Partial<FilterChainMatch>): FilterChain {
  return {
    name,
    match: { ...EVERYTHING, ...match },
    tls: null,
    filters: [],
    transportSocketConnectTimeoutMs: null,
    fingerprint: name,
  };
}

function compile(
  chains: Readonly<Record<string, Partial<FilterChainMatch>>>,
  fallback: FilterChain | null = null,
): CompiledFilterChains {
  const filterChains = Object.entries(chains).map(([name, match]) => chain(name, match));
  return compileFilterChains({ filterChains, defaultFilterChain: fallback });
}

function chosen(chains: CompiledFilterChains, facts: Partial<ConnectionFacts>): string | null {
  return selectFilterChain(chains, { ...PLAIN, ...facts })?.name ?? null;
}

Deno.test("Destination port: the exact one first, those without one otherwise", () => {
  const chains = compile({ exact: { destinationPort: 8080 }, any: {} });
  assert.equal(chosen(chains, {}), "exact");
  assert.equal(chosen(chains, { destination: { hostname: "10.0.0.11", port: 9 } }), "any");
});

Deno.test("Destination port: an entry for the port hides those without one, and leaves the default chain", () => {
  const match = { tls: { destinationPort: 8080, transportProtocol: "tls" }, any: {} };
  assert.equal(chosen(compile(match), {}), null);
  assert.equal(chosen(compile(match, chain("default", {})), {}), "default");
  assert.equal(chosen(compile(match), { transportProtocol: "tls" }), "tls");
});

Deno.test("Destination address: the longest prefix wins, with no way back to a shorter one", () => {
  const chains = compile({
    wide: { prefixRanges: [range("10.0.0.0/8")] },
    narrow: { prefixRanges: [range("10.0.0.0/24")], transportProtocol: "tls" },
    v6: { prefixRanges: [range("2001:db8::/32")] },
    any: {},
  });
  const to = (hostname: string) => ({ destination: { hostname, port: 8080 } });
  assert.equal(chosen(chains, to("10.1.0.1")), "wide");
  assert.equal(chosen(chains, to("10.0.0.1")), null);
  assert.equal(chosen(chains, { ...to("10.0.0.1"), transportProtocol: "tls" }), "narrow");
  assert.equal(chosen(chains, to("2001:db8::7")), "v6");
  assert.equal(chosen(chains, to("2001:db9::7")), "any");
  assert.equal(chosen(chains, to("192.0.2.1")), "any");
  assert.equal(chosen(chains, to("::ffff:10.1.0.1")), "wide", "a dual-stack socket reports IPv4 as mapped");
});

Deno.test("Server name: exact, then the longest suffix, then none", () => {
  const chains = compile({
    exact: { serverNames: ["www.example.test"] },
    near: { serverNames: ["*.a.example.test"] },
    far: { serverNames: ["*.example.test"] },
    none: {},
  });
  assert.equal(chosen(chains, { serverName: "www.example.test" }), "exact");
  assert.equal(chosen(chains, { serverName: "WWW.Example.Test" }), "exact");
  assert.equal(chosen(chains, { serverName: "b.a.example.test" }), "near");
  assert.equal(chosen(chains, { serverName: "c.b.a.example.test" }), "near");
  assert.equal(chosen(chains, { serverName: "a.example.test" }), "far");
  assert.equal(chosen(chains, { serverName: "example.test" }), "none", "a wildcard does not match its own suffix");
  assert.equal(chosen(chains, { serverName: "" }), "none");
  assert.equal(chosen(chains, { serverName: "." }), "none");
  assert.equal(chosen(chains, { serverName: "trailing.example.test." }), "none");
});

Deno.test("Server name: a matching name is final", () => {
  const chains = compile({
    plain: { serverNames: ["www.example.test"], transportProtocol: "raw_buffer" },
    tls: { transportProtocol: "tls" },
  });
  assert.equal(chosen(chains, { serverName: "www.example.test", transportProtocol: "tls" }), null);
});

Deno.test("Transport protocol: the exact one first, those that do not care otherwise", () => {
  const chains = compile({ tls: { transportProtocol: "tls" }, any: {} });
  assert.equal(chosen(chains, { transportProtocol: "tls" }), "tls");
  assert.equal(chosen(chains, {}), "any");
});

Deno.test("Application protocols: the first of the client that any chain names", () => {
  const chains = compile({
    h2: { applicationProtocols: ["h2"] },
    http1: { applicationProtocols: ["http/1.1"] },
    none: {},
  });
  assert.equal(chosen(chains, { applicationProtocols: ["h2", "http/1.1"] }), "h2");
  assert.equal(chosen(chains, { applicationProtocols: ["http/1.1", "h2"] }), "http1");
  assert.equal(chosen(chains, { applicationProtocols: ["spdy", "h2"] }), "h2");
  assert.equal(chosen(chains, { applicationProtocols: ["spdy"] }), "none");
  assert.equal(chosen(chains, { applicationProtocols: [""] }), "none");
});

Deno.test("Source: direct peer, kind, address and port, each final in its turn", () => {
  const direct = compile({ proxy: { directSourcePrefixRanges: [range("192.0.2.0/24")] }, any: {} });
  assert.equal(chosen(direct, { directSource: { hostname: "192.0.2.9", port: 1 } }), "proxy");
  assert.equal(chosen(direct, {}), "any");

  const kinds = compile({ local: { sourceType: "same_ip_or_loopback" }, external: { sourceType: "external" } });
  assert.equal(chosen(kinds, { source: { hostname: "127.0.0.9", port: 1 } }), "local");
  assert.equal(chosen(kinds, { source: { hostname: "::1", port: 1 } }), "local");
  assert.equal(chosen(kinds, { source: { hostname: "10.0.0.11", port: 1 } }), "local", "the destination's own address");
  assert.equal(chosen(kinds, {}), "external");
  assert.equal(chosen(compile({ local: { sourceType: "same_ip_or_loopback" } }), {}), null);

  const sources = compile({
    port: { sourcePrefixRanges: [range("10.0.0.1/32")], sourcePorts: [40_000] },
    address: { sourcePrefixRanges: [range("10.0.0.1/32")] },
    any: {},
  });
  assert.equal(chosen(sources, {}), "port");
  assert.equal(chosen(sources, { source: { hostname: "10.0.0.1", port: 2 } }), "address");
  assert.equal(chosen(sources, { source: { hostname: "10.0.0.2", port: 40_000 } }), "any");
});

Deno.test("Chains that share everything but one value do not shadow each other", () => {
  const chains = compile({
    a: { destinationPort: 1, serverNames: ["a", "b"], applicationProtocols: ["x", "y"] },
    b: { destinationPort: 1, serverNames: ["b"], applicationProtocols: ["z"] },
  });
  const at = (serverName: string, protocol: string) => ({
    destination: { hostname: "10.0.0.1", port: 1 },
    serverName,
    applicationProtocols: [protocol],
  });
  assert.equal(chosen(chains, at("b", "y")), "a");
  assert.equal(chosen(chains, at("b", "z")), "b");
  assert.equal(chosen(chains, at("a", "z")), null);
});

Deno.test("A name that is no IP address matches what asks for no address", () => {
  const chains = compile({ any: {}, ten: { prefixRanges: [range("10.0.0.0/8")] } });
  assert.equal(chosen(chains, { destination: { hostname: "/run/socket", port: 0 } }), "any");
});

// The table of istio.md, section 3, on what istiod sends.

const ISTIO_HTTP = ["istio-http/1.1", "istio", "http/1.1"];
const ISTIO_TCP = ["istio-peer-exchange", "istio"];
const APPLICATION_TLS = ["h2", "http/1.1"];

/** What a client presents: its transport, its ALPN. */
const CLIENTS = {
  "mutual TLS, HTTP": { transportProtocol: "tls", applicationProtocols: ISTIO_HTTP },
  "mutual TLS, TCP": { transportProtocol: "tls", applicationProtocols: ISTIO_TCP },
  "TLS of the application": { transportProtocol: "tls", applicationProtocols: APPLICATION_TLS },
  "plaintext HTTP": { transportProtocol: "raw_buffer", applicationProtocols: ["http/1.1"] },
  "plaintext": { transportProtocol: "raw_buffer", applicationProtocols: [] },
};

/** What becomes of it: who ends TLS, and what handles the bytes. */
type Outcome = "mTLS HTTP" | "mTLS TCP" | "HTTP" | "TCP" | "refused";

/** The inbound chains of a recording: at its end, or after the updates that a step caused. */
function inbound(recording: string, step: string | undefined): CompiledFilterChains {
  const { namespace, updates } = readRecording(recording);
  const clock = { now: () => 0, monotonic: () => 0, timer: () => ({ cancel: () => {} }) };
  const store = new SnapshotStore({ parsers: RECORDING_PARSERS, clientNamespace: namespace, clock });
  const end = updates.findLastIndex((candidate) => candidate.step === step);
  assert.ok(step === undefined || end !== -1);
  for (const { kind, update } of updates.slice(0, end === -1 ? updates.length : end + 1)) store.apply(kind, update);
  const listener = store.current.virtualInbound;
  assert.ok(listener);
  return compileFilterChains(listener);
}

function outcome(chains: CompiledFilterChains, port: number, client: keyof typeof CLIENTS): Outcome {
  const facts = { ...PLAIN, ...CLIENTS[client], destination: { hostname: "10.0.0.11", port } };
  const found = selectFilterChain(chains, facts);
  if (found === null) return "refused";
  const protocol = found.filters.some((filter) => filter.kind === "http_connection_manager") ? "HTTP" : "TCP";
  if (found.tls === null) return protocol;
  assert.equal(found.tls.requireClientCertificate, true);
  return `mTLS ${protocol}`;
}

const TABLE: readonly {
  readonly recording: string;
  readonly step?: string;
  readonly port: number;
  readonly title: string;
  readonly outcomes: Readonly<Record<keyof typeof CLIENTS, Outcome>>;
}[] = [
  {
    recording: "basic/httpbin",
    port: 8080,
    title: "PERMISSIVE, HTTP port",
    outcomes: {
      "mutual TLS, HTTP": "mTLS HTTP",
      "mutual TLS, TCP": "mTLS HTTP",
      "TLS of the application": "refused",
      "plaintext HTTP": "HTTP",
      "plaintext": "HTTP",
    },
  },
  {
    recording: "basic/httpbin",
    port: 9999,
    title: "PERMISSIVE, port of no service (auto)",
    outcomes: {
      "mutual TLS, HTTP": "mTLS HTTP",
      "mutual TLS, TCP": "mTLS TCP",
      "TLS of the application": "TCP",
      "plaintext HTTP": "HTTP",
      "plaintext": "TCP",
    },
  },
  {
    recording: "tcp/httpbin",
    port: 9001,
    title: "PERMISSIVE, port of a service (auto)",
    outcomes: {
      "mutual TLS, HTTP": "mTLS HTTP",
      "mutual TLS, TCP": "mTLS TCP",
      "TLS of the application": "TCP",
      "plaintext HTTP": "HTTP",
      "plaintext": "TCP",
    },
  },
  {
    recording: "sidecar-scope/httpbin",
    port: 9999,
    title: "PERMISSIVE, TCP port",
    outcomes: {
      "mutual TLS, HTTP": "mTLS TCP",
      "mutual TLS, TCP": "mTLS TCP",
      "TLS of the application": "TCP",
      "plaintext HTTP": "TCP",
      "plaintext": "TCP",
    },
  },
  {
    recording: "seq-security/httpbin",
    step: "01-apply-strict-default",
    port: 8080,
    title: "STRICT, HTTP port",
    outcomes: {
      "mutual TLS, HTTP": "mTLS HTTP",
      "mutual TLS, TCP": "mTLS HTTP",
      "TLS of the application": "mTLS HTTP",
      "plaintext HTTP": "refused",
      "plaintext": "refused",
    },
  },
  {
    recording: "tls-modes/httpbin",
    port: 8080,
    title: "PERMISSIVE on one port of a STRICT workload, HTTP port",
    outcomes: {
      "mutual TLS, HTTP": "mTLS HTTP",
      "mutual TLS, TCP": "mTLS HTTP",
      "TLS of the application": "refused",
      "plaintext HTTP": "HTTP",
      "plaintext": "HTTP",
    },
  },
  {
    recording: "tls-modes/httpbin",
    port: 8081,
    title: "DISABLE, port of no service (auto)",
    outcomes: {
      "mutual TLS, HTTP": "refused",
      "mutual TLS, TCP": "refused",
      "TLS of the application": "refused",
      "plaintext HTTP": "HTTP",
      "plaintext": "TCP",
    },
  },
  {
    recording: "tls-modes/httpbin",
    port: 9999,
    title: "STRICT, port of no service (auto)",
    outcomes: {
      "mutual TLS, HTTP": "mTLS HTTP",
      "mutual TLS, TCP": "mTLS TCP",
      "TLS of the application": "mTLS TCP",
      "plaintext HTTP": "refused",
      "plaintext": "refused",
    },
  },
];

for (const { recording, step, port, title, outcomes } of TABLE) {
  Deno.test(`${recording}, ${title}`, () => {
    const chains = inbound(recording, step);
    for (const client of Object.keys(CLIENTS) as (keyof typeof CLIENTS)[]) {
      assert.equal(outcome(chains, port, client), outcomes[client], `${client} on port ${port}`);
    }
  });
}
