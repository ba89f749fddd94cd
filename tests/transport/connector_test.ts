import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { systemClock } from "../../lib/internal/clock.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { createConnector } from "../../lib/transport/connector.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import { acceptAnyPeer } from "../../lib/transport/peer_rules.ts";
import type { ClientTls } from "../../lib/transport/tls_options.ts";
import type { TransportFailure } from "../../lib/transport/transport_failure.ts";
import { TestCa } from "../support/test_ca.ts";
import { until } from "../support/until.ts";
import { meshError, Recorder, TransportRig, within } from "../support/transport_rig.ts";

const ca = await TestCa.create();
const tls: ClientTls = { certificate: null, trust: ca.bundle(), acceptSans: acceptAnyPeer, alpn: [], sni: "a.example" };

/** A listener outside of the library, which treats its connections as told. */
async function peer(onConnection: (socket: Socket) => void): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

Deno.test("a plaintext connection knows its addresses and keeps ids apart", async () => {
  const rig = await TransportRig.start((connection) => void new Recorder(connection.plaintext()));
  const target = { address: rig.acceptor.addr, tls: null, connectTimeoutMs: 2_000 };
  const [one, two] = await Promise.all([rig.connector.connect(target), rig.connector.connect(target)]);
  assert.deepEqual(one.info.remote, rig.acceptor.addr);
  assert.equal(one.info.local.hostname, "127.0.0.1");
  assert.equal(one.info.tls, null);
  assert.notEqual(one.info.id, two.info.id);
  for (const stream of [one, two]) {
    const recorder = new Recorder(stream);
    stream.end();
    await recorder.closed();
  }
  await rig.close();
});

Deno.test("a refused connection is an error that says where, and is told once", async () => {
  const closed = await peer(() => {});
  await closed.close();
  const registry = new HandleRegistry();
  const connector = createConnector({ registry, clock: systemClock });
  for (const kind of [null, tls]) {
    const failures: TransportFailure[] = [];
    const address = { hostname: "127.0.0.1", port: closed.port };
    const target = {
      address,
      tls: kind,
      connectTimeoutMs: 2_000,
      onTransportFailure: (f: TransportFailure) => void failures.push(f),
    };
    const error = await meshError(connector.connect(target), "UPSTREAM_CONNECTION_FAILURE");
    assert.match(error.message, new RegExp(`Cannot connect to '127\\.0\\.0\\.1:${closed.port}': .*refused`, "i"));
    assert.deepEqual(failures.map(({ kind }) => kind), ["connect"]);
  }
  await registry.idle();
});

Deno.test("a server that never answers the handshake runs into the time limit", async () => {
  const silent = await peer((socket) => void socket.resume());
  const registry = new HandleRegistry();
  const clock = new FakeClock();
  const connector = createConnector({ registry, clock });
  const address = { hostname: "127.0.0.1", port: silent.port };
  const failed = meshError(connector.connect({ address, tls, connectTimeoutMs: 3_000 }), "UPSTREAM_CONNECTION_FAILURE");
  await clock.advance(2_999);
  await clock.advance(1);
  assert.match((await failed).message, /no connection within '3000' ms/);
  await within(registry.idle(), () => "left open");
  await silent.close();
});

Deno.test("an abort rejects with its reason, before and during the handshake", async () => {
  const silent = await peer((socket) => void socket.resume());
  const registry = new HandleRegistry();
  const connector = createConnector({ registry, clock: systemClock });
  const address = { hostname: "127.0.0.1", port: silent.port };
  const target = { address, tls, connectTimeoutMs: 5_000 };
  await assert.rejects(connector.connect({ ...target, signal: AbortSignal.abort(new Error("Before")) }), /Before/);
  const controller = new AbortController();
  const failures: TransportFailure[] = [];
  const onTransportFailure = (failure: TransportFailure): void => void failures.push(failure);
  const connecting = connector.connect({ ...target, signal: controller.signal, onTransportFailure });
  queueMicrotask(() => controller.abort(new Error("During")));
  await assert.rejects(connecting, /During/);
  assert.deepEqual(failures, []);
  await within(registry.idle(), () => "left open");
  await silent.close();
});

for (
  const [name, answer, code, reason] of [
    ["plaintext", "HTTP/1.1 400 Bad Request\r\n\r\n", "UPSTREAM_CONNECTION_FAILURE", /Cannot speak TLS with/],
    ["an alert", "\x15\x03\x03\x00\x02\x02\x28", "UPSTREAM_CONNECTION_FAILURE", /Cannot speak TLS with/],
    ["garbage", "\x16\x03\x03\x00\x05garba", "UPSTREAM_CONNECTION_FAILURE", /Cannot speak TLS with/],
    ["the end", null, "UPSTREAM_CONNECTION_FAILURE", /closed|disconnected/],
  ] as const
) {
  Deno.test(`a server that answers a ClientHello with ${name} fails the connection`, async () => {
    const odd = await peer((socket) => {
      socket.once("data", () => answer === null ? socket.end() : socket.write(answer, "latin1"));
    });
    const registry = new HandleRegistry();
    const connector = createConnector({ registry, clock: systemClock });
    const address = { hostname: "127.0.0.1", port: odd.port };
    const error = await meshError(connector.connect({ address, tls, connectTimeoutMs: 2_000 }), code);
    assert.match(error.message, reason);
    await within(registry.idle(), () => "left open");
    await odd.close();
  });
}

Deno.test("a host name that does not resolve is a failure to connect", async () => {
  const registry = new HandleRegistry();
  const connector = createConnector({ registry, clock: systemClock });
  const address = { hostname: "does-not-exist.invalid", port: 80 };
  await meshError(connector.connect({ address, tls: null, connectTimeoutMs: 4_000 }), "UPSTREAM_CONNECTION_FAILURE");
  await within(registry.idle(), () => "left open");
});

Deno.test("a missing permission is named with its flag", async () => {
  const script = `
    import { createConnector } from "${import.meta.resolve("../../lib/transport/connector.ts")}";
    import { HandleRegistry } from "${import.meta.resolve("../../lib/transport/handle_registry.ts")}";
    import { systemClock } from "${import.meta.resolve("../../lib/internal/clock.ts")}";
    const connector = createConnector({ registry: new HandleRegistry(), clock: systemClock });
    const target = { address: { hostname: "127.0.0.1", port: 9 }, tls: null, connectTimeoutMs: 1000 };
    await connector.connect(target).catch((error) => console.log(error.code, error.message));`;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-lock", "--config", config, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { stdout } = await child.output();
  assert.match(new TextDecoder().decode(stdout), /PERMISSION_MISSING .*--allow-net=127\.0\.0\.1:9/);
});

const SOCKETS = "a source address, a buffer and TCP keepalive are set as asked for, in plaintext and in TLS";

// Elsewhere 127.0.0.1 is the only address of loopback, and the kernel's table is another.
Deno.test({ name: SOCKETS, ignore: Deno.build.os !== "linux" }, async () => {
  const certificate = await ca.issue({ uris: [], dns: ["a.example"] });
  const rig = await TransportRig.start((connection) => {
    void connection.detect(1_000).then(async ({ kind }) => {
      const stream = kind !== "tls" ? connection.plaintext() : await connection.startTls({
        certificate,
        trust: null,
        requireClientCertificate: false,
        acceptSans: acceptAnyPeer,
        alpn: [],
      });
      new Recorder(stream);
    });
  });
  for (const kind of [null, tls]) {
    const stream = await rig.connector.connect({
      address: rig.acceptor.addr,
      tls: kind,
      connectTimeoutMs: 2_000,
      localAddress: { hostname: "127.0.0.6", port: 0 },
      keepAliveMs: 60_000,
      bufferBytes: 4_096,
    });
    assert.equal(stream.info.local.hostname, "127.0.0.6");
    assert.notEqual(stream.info.local.port, 0);
    await until("the timer of the connection is keepalive", () => keepAliveTimer(stream.info.local.port) === "02");
    const recorder = new Recorder(stream);
    stream.write(new Uint8Array(1));
    stream.end();
    await recorder.closed();
  }
  await rig.close();
});

/** The timer of a connection in the kernel's table: `02` is keepalive. */
function keepAliveTimer(localPort: number): string | undefined {
  const port = localPort.toString(16).toUpperCase().padStart(4, "0");
  return Deno.readTextFileSync("/proc/net/tcp").split("\n").map((line) => line.trim().split(/\s+/))
    .find((fields) => fields[1] === `0600007F:${port}`)?.[5]?.slice(0, 2);
}
