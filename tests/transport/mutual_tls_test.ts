import assert from "node:assert/strict";
import type { ByteStream } from "../../lib/transport/byte_stream.ts";
import { acceptAnyPeer, matchTrustDomains } from "../../lib/transport/peer_rules.ts";
import type { PeerRule } from "../../lib/transport/peer_verification.ts";
import type { RawConnection } from "../../lib/transport/raw_connection.ts";
import type { TlsCertificate } from "../../lib/transport/secret_provider.ts";
import type { ClientTls, ServerTls } from "../../lib/transport/tls_options.ts";
import { type IssueOptions, TestCa } from "../support/test_ca.ts";
import { meshError, Recorder, TransportRig, within } from "../support/transport_rig.ts";

const CLIENT = "spiffe://cluster.local/ns/default/sa/sleep";
const SERVER = "spiffe://cluster.local/ns/default/sa/httpbin";
const SNI = "outbound_.8000_._.httpbin.default.svc.cluster.local";

const ca = await TestCa.create();
const client = await ca.issue({ uris: [CLIENT] });
const server = await ca.issue({ uris: [SERVER] });
const trust = ca.bundle();

const expectServer: PeerRule = (peer) => peer.principal === SERVER ? null : `it is '${peer.principal}'`;

function clientTls(side: Partial<ClientTls> = {}): ClientTls {
  return { certificate: client, trust, acceptSans: expectServer, alpn: ["istio", "h2"], sni: SNI, ...side };
}

function serverTls(side: Partial<ServerTls> = {}): ServerTls {
  const acceptSans = matchTrustDomains(["cluster.local"]);
  return { certificate: server, trust, requireClientCertificate: true, acceptSans, alpn: ["h2", "http/1.1"], ...side };
}

/** A server that echoes; what it sees of each connection is in `accepted`. */
async function echoServer(tls: ServerTls): Promise<{ rig: TransportRig; accepted: Promise<ByteStream>[] }> {
  const accepted: Promise<ByteStream>[] = [];
  const rig = await TransportRig.start((connection: RawConnection) => {
    const stream = connection.startTls(tls);
    accepted.push(stream);
    stream.then((stream) =>
      stream.start({
        onData: (chunk) => void stream.write(chunk),
        onEnd: () => stream.end(),
        onDrain() {},
        onClose() {},
      }), () => {});
  });
  return { rig, accepted };
}

Deno.test("both ends know each other after a handshake", async () => {
  const { rig, accepted } = await echoServer(serverTls());
  const stream = await rig.connector.connect({ address: rig.acceptor.addr, tls: clientTls(), connectTimeoutMs: 2000 });
  assert.equal(stream.info.tls!.peer!.principal, SERVER);
  assert.equal(stream.info.tls!.alpn, "h2");
  assert.equal(stream.info.tls!.version, "TLSv1.3");
  assert.equal(stream.info.tls!.localPrincipal, CLIENT);
  const inbound = (await accepted[0]!).info;
  assert.equal(inbound.tls!.peer!.principal, CLIENT);
  assert.equal(inbound.tls!.peer!.subject, "");
  assert.equal(inbound.tls!.sni, SNI);
  assert.equal(inbound.remote.port, stream.info.local.port);
  const recorder = new Recorder(stream);
  stream.cork();
  stream.writeAscii("hello ");
  stream.write(new Uint8Array([0xe9, 0x21]));
  stream.uncork();
  await recorder.received("hello \u00e9!");
  stream.end();
  await recorder.closed();
  assert.deepEqual(recorder.events, ["end", "close"]);
  assert.equal(recorder.error, null);
  await rig.close();
  assert.deepEqual(rig.failures, []);
});

Deno.test("a chain with an intermediate CA is accepted in both directions", async () => {
  const intermediate = await ca.intermediate();
  const certificate = await intermediate.issue({ uris: [CLIENT] });
  const { rig, accepted } = await echoServer(serverTls({ certificate: await intermediate.issue({ uris: [SERVER] }) }));
  const tls = clientTls({ certificate });
  const stream = await rig.connector.connect({ address: rig.acceptor.addr, tls, connectTimeoutMs: 2000 });
  assert.equal((await accepted[0]!).info.tls!.peer!.chain.length, 2);
  stream.destroy();
  await rig.close();
});

const impostor = await TestCa.create("O=elsewhere");
const namesake = await TestCa.create();
const HOUR = 3_600_000;

/** Every bad certificate with what the refusal says, for both directions. */
const BAD: readonly { name: string; issuer?: TestCa; issue: IssueOptions; kind: string; reason: RegExp }[] = [
  {
    name: "of a wrong CA with the right SPIFFE name",
    issuer: impostor,
    issue: {},
    kind: "untrusted",
    reason: /no trusted root/,
  },
  {
    name: "of a wrong CA whose root has our root's name",
    issuer: namesake,
    issue: {},
    kind: "untrusted",
    reason: /another key signed/,
  },
  {
    name: "expired",
    issue: { notBefore: Date.now() - 2 * HOUR, notAfter: Date.now() - HOUR },
    kind: "expired",
    reason: /expired at/,
  },
  {
    name: "not yet valid",
    issue: { notBefore: Date.now() + HOUR, notAfter: Date.now() + 2 * HOUR },
    kind: "not_yet_valid",
    reason: /not valid before/,
  },
  {
    name: "with a wrong SAN",
    issue: { uris: ["spiffe://evil.example/ns/default/sa/sleep"] },
    kind: "wrong_identity",
    reason: /evil\.example/,
  },
  { name: "with several SANs", issue: { uris: [CLIENT, SERVER] }, kind: "wrong_identity", reason: /'2' URI names/ },
  { name: "without a name", issue: { uris: [] }, kind: "wrong_identity", reason: /./ },
  {
    name: "without the digitalSignature usage",
    issue: { keyUsage: 1 << 2 },
    kind: "wrong_usage",
    reason: /digitalSignature/,
  },
  { name: "for signing code", issue: { usages: ["codeSigning"] }, kind: "wrong_usage", reason: /Auth/ },
  { name: "of a CA", issue: { ca: true }, kind: "wrong_usage", reason: /CA/ },
];

async function issueBad(bad: (typeof BAD)[number], uri: string): Promise<TlsCertificate> {
  return await (bad.issuer ?? ca).issue({ uris: [uri], ...bad.issue });
}

/** Connects as a client that must be refused; the server must say why, and the client must get nothing. */
async function refusedClient(server: ServerTls, tls: ClientTls): Promise<{ kind: string; reason: string }> {
  const { rig, accepted } = await echoServer(server);
  const connected = await rig.connector.connect({ address: rig.acceptor.addr, tls, connectTimeoutMs: 2000 })
    .catch(() => null);
  // With TLS 1.3 the client's handshake ends before the server has judged: it may send, and gets nothing back.
  if (connected !== null) {
    const recorder = new Recorder(connected);
    connected.writeAscii("GET / HTTP/1.1\r\n\r\n");
    await recorder.closed();
    assert.equal(recorder.text, "");
  }
  await meshError(accepted[0]!, "PEER_NOT_VERIFIED");
  await rig.close();
  assert.equal(rig.failures.length, 1);
  return rig.failures[0]!;
}

/** Connects to a server that must be refused before a byte is sent to it. */
async function refusedServer(server: ServerTls, tls: ClientTls): Promise<{ kind: string; reason: string }> {
  const { rig, accepted } = await echoServer(server);
  const failures: { kind: string; reason: string }[] = [];
  const error = await meshError(
    rig.connector.connect({
      address: rig.acceptor.addr,
      tls,
      connectTimeoutMs: 2000,
      onTransportFailure: (failure) => failures.push(failure),
    }),
    "PEER_NOT_VERIFIED",
  );
  assert.equal(failures.length, 1);
  assert.ok(error.message.endsWith(failures[0]!.reason), error.message);
  await accepted[0]?.then((stream) => within(new Recorder(stream).closed(), () => "stays open"), () => {});
  await rig.close();
  return failures[0]!;
}

for (const bad of BAD) {
  Deno.test(`a client certificate ${bad.name} is refused`, async () => {
    const failure = await refusedClient(serverTls(), clientTls({ certificate: await issueBad(bad, CLIENT) }));
    assert.equal(failure.kind, bad.kind, failure.reason);
    assert.match(failure.reason, bad.reason);
  });

  Deno.test(`a server certificate ${bad.name} is refused`, async () => {
    const failure = await refusedServer(serverTls({ certificate: await issueBad(bad, SERVER) }), clientTls());
    assert.equal(failure.kind, bad.kind, failure.reason);
    assert.match(failure.reason, /code|wrong|evil/.test(bad.name) && bad.kind === "wrong_identity" ? /./ : bad.reason);
  });
}

Deno.test("a client without a certificate is refused", async () => {
  const failure = await refusedClient(serverTls(), clientTls({ certificate: null }));
  assert.equal(failure.kind, "no_certificate");
});

Deno.test("a client with a certificate for servers only is refused", async () => {
  const certificate = await ca.issue({ uris: [CLIENT], usages: ["serverAuth"] });
  const failure = await refusedClient(serverTls(), clientTls({ certificate }));
  assert.equal(failure.kind, "wrong_usage");
});

Deno.test("a server with a certificate for clients only is refused", async () => {
  const certificate = await ca.issue({ uris: [SERVER], usages: ["clientAuth"] });
  const failure = await refusedServer(serverTls({ certificate }), clientTls());
  assert.equal(failure.kind, "wrong_usage");
});

Deno.test("a root removed by rotation is refused in both directions", async () => {
  const next = await TestCa.create("O=next root");
  const rotated = next.bundle();
  const both = ca.bundle(next);
  const { rig } = await echoServer(serverTls({ trust: both }));
  const stream = await rig.connector.connect({
    address: rig.acceptor.addr,
    tls: clientTls({ trust: both }),
    connectTimeoutMs: 2000,
  });
  stream.destroy();
  await rig.close();
  const inbound = await refusedClient(serverTls({ trust: rotated }), clientTls());
  assert.equal(inbound.kind, "untrusted");
  const outbound = await refusedServer(serverTls(), clientTls({ trust: rotated }));
  assert.equal(outbound.kind, "untrusted");
});

Deno.test("a client without a certificate is served where none is required, one with a bad one is not", async () => {
  const tls = serverTls({ requireClientCertificate: false, acceptSans: acceptAnyPeer });
  const { rig, accepted } = await echoServer(tls);
  const target = { address: rig.acceptor.addr, tls: clientTls({ certificate: null }), connectTimeoutMs: 2000 };
  const stream = await rig.connector.connect(target);
  assert.equal((await accepted[0]!).info.tls!.peer, null);
  stream.destroy();
  await rig.close();
  const certificate = await impostor.issue();
  assert.equal((await refusedClient(tls, clientTls({ certificate }))).kind, "untrusted");
});

Deno.test("without verification a server of a wrong CA is used and stays nameless", async () => {
  const { rig } = await echoServer(serverTls({ certificate: await impostor.issue(), trust: null }));
  const tls = clientTls({ trust: "none" });
  const stream = await rig.connector.connect({ address: rig.acceptor.addr, tls, connectTimeoutMs: 2000 });
  assert.equal(stream.info.tls!.peer, null);
  stream.destroy();
  await rig.close();
});

Deno.test("the system's roots do not vouch for a private CA", async () => {
  const failure = await refusedServer(serverTls({ trust: null }), clientTls({ trust: "system" }));
  assert.equal(failure.kind, "untrusted");
  assert.match(failure.reason, /system's roots/);
});

for (
  const [offered, served, expected] of [
    [["istio-peer-exchange", "istio"], ["h2", "http/1.1"], null],
    [["istio-http/1.1", "istio", "http/1.1"], ["h2", "http/1.1"], "http/1.1"],
    [["istio-h2", "istio", "h2"], ["istio-h2", "h2"], "h2"],
    [["istio"], ["istio"], null],
    [[], ["h2"], null],
    [["h2"], [], null],
  ] as const
) {
  Deno.test(`ALPN of a client offering [${offered}] at a server with [${served}] is ${expected ?? "none"}`, async () => {
    const { rig, accepted } = await echoServer(serverTls({ alpn: served }));
    const tls = clientTls({ alpn: offered });
    const stream = await rig.connector.connect({ address: rig.acceptor.addr, tls, connectTimeoutMs: 2000 });
    assert.equal(stream.info.tls!.alpn, expected);
    assert.equal((await accepted[0]!).info.tls!.alpn, expected);
    stream.destroy();
    await rig.close();
  });
}

Deno.test("istio-peer-exchange is selected only where the chain reads its preamble", async () => {
  const alpn = ["istio-peer-exchange", "h2"];
  const { rig } = await echoServer(serverTls({ alpn, peerExchange: true }));
  const tls = clientTls({ alpn: ["istio-peer-exchange", "istio"] });
  const stream = await rig.connector.connect({ address: rig.acceptor.addr, tls, connectTimeoutMs: 2000 });
  assert.equal(stream.info.tls!.alpn, "istio-peer-exchange");
  stream.destroy();
  await rig.close();
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  Deno.test(`versions can be pinned to ${version}`, async () => {
    const { rig } = await echoServer(serverTls());
    const tls = clientTls({ minVersion: version, maxVersion: version });
    const stream = await rig.connector.connect({ address: rig.acceptor.addr, tls, connectTimeoutMs: 2000 });
    assert.equal(stream.info.tls!.version, version);
    stream.destroy();
    await rig.close();
  });
}
