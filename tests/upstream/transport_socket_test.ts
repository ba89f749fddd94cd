import assert from "node:assert/strict";
import type { TransportSocket } from "../../lib/resource/cluster.ts";
import type { TlsContext } from "../../lib/resource/tls_context.ts";
import type { PeerIdentity } from "../../lib/transport/byte_stream.ts";
import type { TlsCertificate, TrustBundle } from "../../lib/transport/secret_provider.ts";
import { UpstreamAttempt } from "../../lib/upstream/upstream_attempt.ts";
import { ClientTlsFactory, selectTransportSocket } from "../../lib/upstream/transport_socket.ts";
import { cluster, endpoint, loadAssignment, locality } from "../support/resource_objects.ts";
import { FakeUpstream, request } from "./fake_upstream.ts";

const SPIFFE = "spiffe://cluster.local/ns/default/sa/backend";

function context(overrides: Partial<TlsContext> = {}): TlsContext {
  return {
    certificates: [{ kind: "sds", name: "default" }],
    validation: {
      trust: { kind: "sds", name: "ROOTCA" },
      subjectAltNames: [{ type: "uri", match: { kind: "exact", value: SPIFFE, ignoreCase: false } }],
    },
    alpn: ["istio-peer-exchange", "istio"],
    minVersion: null,
    maxVersion: null,
    sni: "outbound_.8080_._.backend",
    autoSni: false,
    autoSanValidation: false,
    requireClientCertificate: false,
    ...overrides,
  };
}

const tls = (of: TlsContext = context()): TransportSocket => ({ kind: "tls", context: of });
const plaintext: TransportSocket = { kind: "plaintext" };
const istio = { "envoy.transport_socket_match": { tlsMode: "istio" } };

const certificate = (version: number): TlsCertificate => ({
  chain: "chain",
  key: "key",
  spiffeId: "spiffe://cluster.local/ns/default/sa/sleep",
  notBefore: 0,
  notAfter: 0,
  version,
});
const bundle: TrustBundle = { roots: ["root"], version: 1 };

function autoMutualTls() {
  return cluster({
    transportSocketMatches: [
      { name: "tlsMode-istio", match: { tlsMode: "istio" }, socket: tls() },
      { name: "tlsMode-disabled", match: {}, socket: plaintext },
    ],
    transportSocket: { kind: "unsupported", what: "nothing matched" },
  });
}

function peer(overrides: Partial<PeerIdentity>): PeerIdentity {
  return { uriSans: [], dnsSans: [], ...overrides } as PeerIdentity;
}

Deno.test("The endpoint's metadata chooses between mutual TLS and plaintext", () => {
  const of = autoMutualTls();
  assert.equal(selectTransportSocket(of, endpoint("10.0.0.1", 80, { metadata: istio })).kind, "tls");
  assert.equal(selectTransportSocket(of, endpoint("10.0.0.1", 80)).kind, "plaintext");
  assert.equal(selectTransportSocket(cluster({ transportSocket: tls() }), endpoint("10.0.0.1", 80)).kind, "tls");
});

Deno.test("A missing secret is an error, never plaintext", async () => {
  const fake = new FakeUpstream({
    clusters: [autoMutualTls()],
    assignments: [loadAssignment([locality([endpoint("10.0.0.1", 80, { metadata: istio })])])],
  });
  const send = () => fake.manager.target("backend")!.send(request(), new UpstreamAttempt());
  await assert.rejects(send(), { code: "UPSTREAM_CONNECTION_FAILURE", transportFailure: /Secret_is_not_supplied/ });
  fake.certificates.set("default", certificate(1));
  await assert.rejects(send(), { code: "UPSTREAM_CONNECTION_FAILURE", message: /trust bundle 'ROOTCA'/ });
  assert.equal(fake.targets.length, 0, "nothing was connected");
  fake.bundles.set("ROOTCA", bundle);
  const response = send();
  (await fake.next()).answer();
  await response;
  assert.equal(fake.targets[0]!.tls!.certificate!.version, 1);
  fake.manager.close();
});

Deno.test("New connections use the rotated certificate, old ones live on", async () => {
  const fake = new FakeUpstream({
    clusters: [cluster({ transportSocket: tls() })],
    assignments: [loadAssignment([locality([endpoint("10.0.0.1", 80)])])],
  });
  fake.certificates.set("default", certificate(1));
  fake.bundles.set("ROOTCA", bundle);
  const send = () => fake.manager.target("backend")!.send(request(), new UpstreamAttempt());
  const first = send();
  const received = await fake.next();
  fake.certificates.set("default", certificate(2));
  const second = send();
  (await fake.next()).answer();
  received.answer();
  await Promise.all([first, second]);
  assert.deepEqual(fake.targets.map(({ tls }) => tls!.certificate!.version), [1, 2]);
  assert.deepEqual(fake.connections.map(({ state }) => state), ["open", "open"]);
  fake.manager.close();
});

Deno.test("ALPN: the context's, or the override of the HTTP version", async () => {
  const fake = new FakeUpstream({
    clusters: [cluster({ transportSocket: tls() })],
    assignments: [loadAssignment([locality([endpoint("10.0.0.1", 80)])])],
  });
  fake.certificates.set("default", certificate(1));
  fake.bundles.set("ROOTCA", bundle);
  fake.onRequest = (received) => received.answer();
  const send = (alpnOverride: UpstreamAttempt["alpnOverride"]) =>
    fake.manager.target("backend")!.send(request(), new UpstreamAttempt({ alpnOverride }));
  await send(null);
  const list = ["istio-http/1.1", "istio", "http/1.1"];
  await send(new Map([["HTTP/1.1", list]]));
  await send(new Map([["HTTP/1.1", [...list]]]));
  assert.deepEqual(
    fake.targets.map(({ tls }) => tls!.alpn),
    [["istio-peer-exchange", "istio"], ["enmesh-h2", ...list]],
  );
  fake.manager.close();
});

Deno.test("SANs: exact and prefix, and automatic SNI with its host name", () => {
  const factory = new ClientTlsFactory({
    certificate: () => certificate(1),
    trustBundle: () => bundle,
    subscribe: () => () => {},
  });
  const exact = factory.create(context(), { alpn: null, hostname: "backend:80" });
  assert.equal(exact.sni, "outbound_.8080_._.backend");
  assert.equal(exact.acceptSans(peer({ uriSans: [SPIFFE] })), null);
  assert.match(exact.acceptSans(peer({ uriSans: [`${SPIFFE}2`] }))!, /expected/);
  const automatic = context({
    certificates: [],
    validation: { trust: { kind: "system" }, subjectAltNames: [] },
    sni: "",
    autoSni: true,
    autoSanValidation: true,
  });
  const origination = factory.create(automatic, { alpn: null, hostname: "api.example:443" });
  assert.deepEqual([origination.sni, origination.trust, origination.certificate], ["api.example", "system", null]);
  assert.equal(origination.acceptSans(peer({ dnsSans: ["api.example"] })), null);
  assert.match(origination.acceptSans(peer({ dnsSans: ["evil.example"] }))!, /api\.example/);
});

Deno.test("Automatic SNI of the cluster wins over the context's, and an IP address is no server name", () => {
  const factory = new ClientTlsFactory({
    certificate: () => certificate(1),
    trustBundle: () => bundle,
    subscribe: () => () => {},
  });
  const automatic = { alpn: null, autoSni: true, autoSanValidation: true };
  const named = factory.create(context(), { ...automatic, hostname: "api.example" });
  assert.equal(named.sni, "api.example");
  assert.match(named.acceptSans(peer({ uriSans: [SPIFFE] }))!, /api\.example/);
  assert.equal(factory.create(context(), { ...automatic, hostname: "[2001:db8::1]:443" }).sni, "");
});

Deno.test("Names without roots to vouch for them are refused, an empty validation trusts anybody", () => {
  const factory = new ClientTlsFactory({ certificate: () => null, trustBundle: () => null, subscribe: () => () => {} });
  const create = (validation: TlsContext["validation"]) =>
    factory.create(context({ certificates: [], validation }), { alpn: null, hostname: "" });
  assert.equal(create({ trust: null, subjectAltNames: [] }).trust, "none");
  assert.throws(() => create({ trust: null, subjectAltNames: context().validation!.subjectAltNames }), /trust bundle/);
  assert.throws(() => create({ trust: { kind: "inline", pem: "garbage" }, subjectAltNames: [] }), /trust bundle/);
});

Deno.test("An unsupported transport socket and an HBONE endpoint refuse", async () => {
  const refuses = async (overrides: Parameters<typeof cluster>[0], internalListener: string | null, what: RegExp) => {
    const fake = new FakeUpstream({
      clusters: [cluster(overrides)],
      assignments: [loadAssignment([locality([endpoint("10.0.0.1", 80, { internalListener })])])],
    });
    await assert.rejects(fake.manager.target("backend")!.send(request(), new UpstreamAttempt()), { message: what });
    assert.equal(fake.targets.length, 0);
    fake.manager.close();
  };
  await refuses({ transportSocket: { kind: "unsupported", what: "quic" } }, null, /'quic' is not supported/);
  await refuses({}, "connect_originate", /HBONE is not supported/);
});

Deno.test("When an endpoint's transport changes its old connections go", async () => {
  const fake = new FakeUpstream({
    clusters: [autoMutualTls()],
    assignments: [loadAssignment([locality([endpoint("10.0.0.1", 80)])])],
  });
  fake.certificates.set("default", certificate(1));
  fake.bundles.set("ROOTCA", bundle);
  fake.onRequest = (received) => received.answer();
  const send = () => fake.manager.target("backend")!.send(request(), new UpstreamAttempt());
  await send();
  fake.push({ assignments: [loadAssignment([locality([endpoint("10.0.0.1", 80, { metadata: istio })])])] });
  await send();
  assert.deepEqual(fake.targets.map((target) => target.tls === null ? "plain" : "tls"), ["plain", "tls"]);
  assert.equal(fake.connections[0]!.state, "closed");
  fake.manager.close();
});
