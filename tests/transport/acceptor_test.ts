import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { silentLogger } from "../../lib/internal/logger.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { listen } from "../../lib/transport/acceptor.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import { acceptAnyPeer } from "../../lib/transport/peer_rules.ts";
import type { Detection } from "../../lib/transport/protocol_detection.ts";
import type { RawConnection } from "../../lib/transport/raw_connection.ts";
import type { ClientTls } from "../../lib/transport/tls_options.ts";
import { clientHello } from "../support/client_hello.ts";
import { TestCa } from "../support/test_ca.ts";
import { meshError, Recorder, TransportRig, within } from "../support/transport_rig.ts";

interface Accepted {
  rig: TransportRig;
  next(): Promise<RawConnection>;
}

/** A listener that hands out its connections one by one. */
async function accepting(options: Parameters<typeof TransportRig.start>[1] = {}): Promise<Accepted> {
  const queue: RawConnection[] = [];
  let wake: () => void = () => {};
  const rig = await TransportRig.start((connection) => {
    queue.push(connection);
    wake();
  }, options);
  return {
    rig,
    async next() {
      while (queue.length === 0) {
        await within(new Promise<void>((resolve) => wake = resolve), () => "no connection arrived");
      }
      return queue.shift()!;
    },
  };
}

function dial(rig: TransportRig): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: rig.acceptor.addr.port, allowHalfOpen: true, noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}

const gone = (socket: Socket): Promise<void> =>
  within(
    new Promise((resolve) => {
      socket.on("error", () => {});
      socket.once("close", () => resolve());
      socket.on("end", () => socket.end());
      socket.resume();
    }),
    () => "the socket stays open",
  );

Deno.test("plaintext HTTP is decided by its first line, which the taker sees again", async () => {
  const { rig, next } = await accepting();
  const client = await dial(rig);
  const connection = await next();
  const detection = connection.detect(0);
  client.write("GET / HT");
  client.write("TP/1.1\r\nhost: a\r\n\r\n");
  assert.deepEqual(await within(detection, () => "undecided"), { kind: "http", protocol: "http/1.1" });
  const stream = connection.plaintext();
  assert.equal(stream.info.tls, null);
  assert.equal(stream.info.remote.port, client.localPort);
  const recorder = new Recorder(stream);
  await recorder.received("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  client.end("more");
  await recorder.received("more");
  await gone(client);
  await recorder.closed();
  assert.deepEqual(recorder.events, ["end", "close"]);
  await rig.close();
});

Deno.test("a connection can be taken without detection", async () => {
  const { rig, next } = await accepting();
  const client = await dial(rig);
  const recorder = new Recorder((await next()).plaintext());
  client.end("raw bytes");
  await gone(client);
  await recorder.closed();
  assert.equal(recorder.text, "raw bytes");
  await rig.close();
});

Deno.test("bytes and end that arrive together are both delivered, in order", async () => {
  const { rig, next } = await accepting();
  const client = await dial(rig);
  const connection = await next();
  client.end("short");
  assert.deepEqual(await connection.detect(0), { kind: "raw" });
  const recorder = new Recorder(connection.plaintext());
  await recorder.ended();
  assert.equal(recorder.text, "short");
  await gone(client);
  await recorder.closed();
  await rig.close();
});

Deno.test("a silent connection is decided by the limit, delays nobody, and may still speak", async () => {
  const clock = new FakeClock();
  const { rig, next } = await accepting({ clock });
  const silent = await dial(rig);
  const first = await next();
  const detection = first.detect(5_000);
  const busy = await dial(rig);
  busy.write("GET / HTTP/1.1\r\n");
  assert.equal((await (await next()).detect(5_000)).kind, "http");
  await clock.advance(5_000);
  assert.deepEqual(await detection, { kind: "timeout" });
  const recorder = new Recorder(first.plaintext());
  silent.write("at last");
  await recorder.received("at last");
  silent.destroy();
  busy.destroy();
  await recorder.closed();
  await clock.advance(120_000);
  await rig.close();
});

Deno.test("without a limit a silent connection waits, and is closed after the idle limit", async () => {
  const clock = new FakeClock();
  const { rig, next } = await accepting({ clock, idleLimitMs: 60_000 });
  const client = await dial(rig);
  let decided: Detection | null = null;
  const detection = (await next()).detect(0).then((detection) => decided = detection);
  await clock.advance(59_999);
  assert.equal(decided, null);
  const closed = gone(client);
  await clock.advance(1);
  assert.deepEqual(await detection, { kind: "closed" });
  await closed;
  await rig.close();
});

Deno.test("a connection that closes without a byte is closed", async () => {
  const { rig, next } = await accepting();
  const client = await dial(rig);
  const detection = (await next()).detect(0);
  client.end();
  assert.deepEqual(await within(detection, () => "undecided"), { kind: "closed" });
  await gone(client);
  await rig.close();
});

const ca = await TestCa.create();
const server = await ca.issue();
const tls = {
  certificate: server,
  trust: null,
  requireClientCertificate: false,
  acceptSans: acceptAnyPeer,
  alpn: ["h2", "http/1.1"],
};
const clientTls: ClientTls = {
  certificate: null,
  trust: ca.bundle(),
  acceptSans: acceptAnyPeer,
  alpn: ["http/1.1"],
  sni: "example.com",
};

Deno.test("plaintext where TLS is required is refused", async () => {
  const { rig, next } = await accepting();
  const client = await dial(rig);
  const stream = (await next()).startTls(tls);
  client.write("GET / HTTP/1.1\r\n\r\n");
  const error = await meshError(stream, "DOWNSTREAM_PROTOCOL_ERROR");
  assert.match(error.message, /plaintext HTTP where TLS is required/);
  await gone(client);
  await rig.close();
  assert.equal(rig.failures[0]!.kind, "handshake");
});

Deno.test("a handshake after a detection sees the ClientHello again", async () => {
  const { rig, next } = await accepting();
  const connecting = rig.connector.connect({ address: rig.acceptor.addr, tls: clientTls, connectTimeoutMs: 2_000 });
  const connection = await next();
  assert.deepEqual(await connection.detect(0), { kind: "tls", sni: "example.com", alpn: ["http/1.1"] });
  const accepted = await connection.startTls(tls);
  const stream = await connecting;
  assert.equal(stream.info.tls!.alpn, "http/1.1");
  assert.equal(accepted.info.tls!.sni, "example.com");
  stream.destroy();
  accepted.destroy();
  await rig.close();
});

Deno.test("a ClientHello is understood byte by byte; what follows it may be garbage", async () => {
  const { rig, next } = await accepting();
  const client = await dial(rig);
  const stream = (await next()).startTls(tls);
  for (const byte of clientHello()) client.write(new Uint8Array([byte]));
  client.write(new Uint8Array(100).fill(0x55));
  const error = await meshError(stream, "DOWNSTREAM_PROTOCOL_ERROR");
  assert.match(error.message, /Cannot speak TLS with/);
  await gone(client);
  await rig.close();
});

for (const [name, spoken] of [["nothing", 0], ["half a ClientHello", 60], ["a ClientHello", 10_000]] as const) {
  Deno.test(`a handshake that stops after ${name} ends at its time limit`, async () => {
    const clock = new FakeClock();
    const { rig, next } = await accepting({ clock });
    const client = await dial(rig);
    const connection = await next();
    const failed = meshError(connection.startTls({ ...tls, handshakeTimeoutMs: 3_000 }), "DOWNSTREAM_PROTOCOL_ERROR");
    const hello = clientHello({ extra: [[10, new Uint8Array([0, 2, 0, 29])], [43, new Uint8Array([2, 3, 4])]] });
    if (spoken > 0) client.write(hello.subarray(0, spoken));
    const closed = gone(client);
    // A complete hello may be answered with an alert at once; either way nothing outlives the limit.
    await clock.advance(3_000);
    await clock.advance(3_000);
    await failed;
    await closed;
    await rig.close();
    assert.equal(rig.failures.length, 1);
  });
}

for (const [name, leave] of [["resets", "destroy"], ["half-closes", "end"]] as const) {
  Deno.test(`a client that ${name} the connection during the handshake is noticed at once`, async () => {
    const ahead = await accepting();
    const early = await dial(ahead.rig);
    const half = (await ahead.next()).startTls(tls);
    early.write(clientHello().subarray(0, 50), () => early[leave]());
    await meshError(half, "DOWNSTREAM_PROTOCOL_ERROR");
    early.destroy();
    await ahead.rig.close();

    // A client of the runtime, cut off by a tap as soon as the server has answered.
    const { rig, next } = await accepting();
    const tap = createServer({ allowHalfOpen: true }, (inbound) => {
      const outbound = connect({ host: "127.0.0.1", port: rig.acceptor.addr.port, allowHalfOpen: true });
      inbound.on("data", (chunk) => outbound.write(chunk));
      outbound.once("data", () => outbound[leave]());
      outbound.on("close", () => inbound.destroy());
      for (const socket of [inbound, outbound]) socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => tap.listen(0, "127.0.0.1", resolve));
    const address = { hostname: "127.0.0.1", port: (tap.address() as AddressInfo).port };
    const connecting = meshError(
      rig.connector.connect({ address, tls: clientTls, connectTimeoutMs: 3_000 }),
      "UPSTREAM_CONNECTION_FAILURE",
    );
    await meshError((await next()).startTls(tls), "DOWNSTREAM_PROTOCOL_ERROR");
    await connecting;
    await new Promise<void>((resolve) => tap.close(() => resolve()));
    await rig.close();
  });
}

Deno.test("a connection is taken once", async () => {
  const { rig, next } = await accepting();
  const client = await dial(rig);
  const connection = await next();
  const stream = connection.plaintext();
  assert.throws(() => connection.plaintext(), TypeError);
  await assert.rejects(connection.startTls(tls), TypeError);
  stream.destroy();
  client.destroy();
  await rig.close();
});

Deno.test("an exception of the connection handler closes that connection only", async () => {
  let calls = 0;
  const rig = await TransportRig.start((connection) => {
    if (calls++ === 0) throw new TypeError("Cannot handle");
    connection.plaintext().destroy();
  });
  const [one, two] = [await dial(rig), await dial(rig)];
  await Promise.all([gone(one), gone(two)]);
  assert.equal(calls, 2);
  await rig.close();
});

Deno.test("a port in use is an error that says so", async () => {
  const { rig } = await accepting();
  const registry = new HandleRegistry();
  const options = { registry, logger: silentLogger, clock: systemClock };
  const error = await meshError(listen(rig.acceptor.addr, () => {}, options), "CONFIG_INVALID");
  assert.match(error.message, /another program listens there/);
  assert.equal(registry.total, 0);
  await rig.close();
});

Deno.test("the port is free again after close, while connections live on", async () => {
  const { rig, next } = await accepting();
  const client = await dial(rig);
  const recorder = new Recorder((await next()).plaintext());
  await rig.acceptor.close();
  const registry = new HandleRegistry();
  const options = { registry, logger: silentLogger, clock: systemClock };
  const again = await listen(rig.acceptor.addr, () => {}, options);
  client.end("still here");
  await gone(client);
  await recorder.closed();
  assert.equal(recorder.text, "still here");
  await again.close();
  await rig.close();
});
