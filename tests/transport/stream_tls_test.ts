import assert from "node:assert/strict";
import { systemClock } from "../../lib/internal/clock.ts";
import type { ByteStream } from "../../lib/transport/byte_stream.ts";
import { acceptAnyPeer, matchHostname } from "../../lib/transport/peer_rules.ts";
import { StreamTls } from "../../lib/transport/stream_tls.ts";
import type { ClientTls } from "../../lib/transport/tls_options.ts";
import { TestCa } from "../support/test_ca.ts";
import { meshError, Recorder, TransportRig, within } from "../support/transport_rig.ts";

const mesh = await TestCa.create("O=mesh");
const web = await TestCa.create("O=web");
const meshCertificate = await mesh.issue();
const meshTrust = mesh.bundle();
const webCertificate = await web.issue({ uris: [], dns: ["shop.example"] });
const webTls: ClientTls = {
  certificate: null,
  trust: web.bundle(),
  acceptSans: matchHostname("shop.example"),
  alpn: ["http/1.1"],
  sni: "shop.example",
};

interface Nested {
  /** The connection of the mesh, to the tunnel. */
  outer: ByteStream;
  streamTls: StreamTls;
  close(): Promise<void>;
}

/** A web server that speaks TLS, reached through a mesh connection that carries its bytes. */
async function nested(): Promise<Nested> {
  const shop = await TransportRig.start((connection) => {
    const tls = {
      certificate: webCertificate,
      trust: null,
      requireClientCertificate: false,
      acceptSans: acceptAnyPeer,
      alpn: ["http/1.1"],
    };
    connection.startTls(tls).then((stream) =>
      stream.start({
        onData: (chunk) => void stream.write(chunk),
        onEnd: () => stream.end(),
        onDrain() {},
        onClose() {},
      }), () => {});
  });
  const tunnel = await TransportRig.start(async (connection) => {
    const tls = { certificate: meshCertificate, trust: meshTrust, requireClientCertificate: true, alpn: ["istio"] };
    const inbound = await connection.startTls({ ...tls, acceptSans: acceptAnyPeer });
    const target = { address: shop.acceptor.addr, tls: null, connectTimeoutMs: 2_000 };
    const outbound = await shop.connector.connect(target);
    for (const [from, to] of [[inbound, outbound], [outbound, inbound]] as const) {
      from.start({
        onData: (chunk) => void (to.write(chunk) || from.pause()),
        onEnd: () => to.end(),
        onDrain: () => to.resume(),
        onClose: () => to.destroy(),
      });
    }
  });
  const outer = await tunnel.connector.connect({
    address: tunnel.acceptor.addr,
    tls: { certificate: meshCertificate, trust: meshTrust, acceptSans: acceptAnyPeer, alpn: ["istio"], sni: "" },
    connectTimeoutMs: 2_000,
  });
  return {
    outer,
    streamTls: new StreamTls({ registry: tunnel.registry, clock: systemClock }),
    async close() {
      await tunnel.close();
      await shop.close();
    },
  };
}

Deno.test("the application's TLS runs inside the mesh connection, with its own names", async () => {
  const { outer, streamTls, close } = await nested();
  const stream = await streamTls.start(outer, webTls);
  assert.equal(stream.info.tls!.alpn, "http/1.1");
  assert.deepEqual(stream.info.tls!.peer!.dnsSans, ["shop.example"]);
  assert.deepEqual(stream.info.remote, outer.info.remote);
  const recorder = new Recorder(stream);
  const big = new Uint8Array(2_000_000).fill(0x61);
  stream.writeAscii("GET / HTTP/1.1\r\n\r\n");
  stream.write(big);
  stream.setNoDelay(true);
  stream.setKeepAlive(true, 1_000);
  await within(
    (async () => {
      while (recorder.chunks.reduce((sum, { length }) => sum + length, 0) < big.length + 18) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })(),
    () => "the echo never came",
  );
  stream.end();
  await recorder.closed();
  assert.deepEqual(recorder.events.filter((event) => event !== "drain"), ["end", "close"]);
  await close();
});

Deno.test("a server of another name inside is refused, and the mesh connection is closed with it", async () => {
  const { outer, streamTls, close } = await nested();
  const tls = { ...webTls, acceptSans: matchHostname("bank.example") };
  const error = await meshError(streamTls.start(outer, tls), "PEER_NOT_VERIFIED");
  assert.match(error.message, /'shop\.example', expected host name 'bank\.example'/);
  await close();
});

Deno.test("a peer inside that speaks no TLS, an abort and a time limit end both", async () => {
  for (const how of ["abort", "timeout"] as const) {
    const silent = await TransportRig.start((connection) => void new Recorder(connection.plaintext()));
    const target = { address: silent.acceptor.addr, tls: null, connectTimeoutMs: 2_000 };
    const inner = await silent.connector.connect(target);
    const streamTls = new StreamTls({ registry: silent.registry, clock: systemClock });
    if (how === "abort") {
      const controller = new AbortController();
      const starting = assert.rejects(streamTls.start(inner, webTls, { signal: controller.signal }), /Enough/);
      controller.abort(new Error("Enough"));
      await starting;
    } else {
      await meshError(streamTls.start(inner, webTls, { timeoutMs: 30 }), "UPSTREAM_CONNECTION_FAILURE");
    }
    await silent.close();
  }
});
