/** What an ADS client does with a server that misbehaves. */
import assert from "node:assert/strict";
import { decode, encode } from "../../lib/protobuf/registry.ts";
import type { GrpcServerCall } from "../../lib/grpc/server_call.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { listen } from "../../lib/transport/acceptor.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import type { RawConnection } from "../../lib/transport/raw_connection.ts";
import { TYPE_URLS } from "../../lib/xds/type_urls.ts";
import { ROOT } from "../bootstrap/fixture.ts";
import { AdsRig } from "./ads_rig.ts";
import { encodeResponse, PlaintextServer } from "./plaintext_server.ts";

const { CDS } = TYPE_URLS;

function plaintextRig(address: { hostname: string; port: number }, connectTimeoutMs = 5000): AdsRig {
  const rig = new AdsRig({
    address,
    connectTimeoutMs,
    node: (ip) => ({ id: `sidecar~${ip}~a.b~b.svc.cluster.local` }),
    security: () => ({ tls: null, token: "secret" }),
  });
  rig.client.start();
  return rig;
}

function clusters(names: readonly string[], padding = 0): Uint8Array {
  const value = (name: string) =>
    encode("envoy.config.cluster.v3.Cluster", { name, altStatName: "x".repeat(padding), type: "STATIC" });
  return encodeResponse({
    typeUrl: CDS,
    nonce: "n",
    resources: names.map((name) => ({ name, resource: { typeUrl: CDS, value: value(name) } })),
  });
}

function forever(call: GrpcServerCall): Promise<void> {
  return new Promise((resolve) => call.onCancel(() => resolve()));
}

Deno.test("a token never travels in plaintext", async () => {
  await using server = await PlaintextServer.start(async (call) => {
    void call.send(clusters(["a"]));
    await forever(call);
  });
  await using rig = plaintextRig(server.address);
  await rig.connected();
  assert.deepEqual(server.authorizations, [null]);
});

Deno.test("bytes that are no response end the stream, not the configuration", async () => {
  const garbage = new Uint8Array([0xff, 0xff, 0xff]);
  await using server = await PlaintextServer.start(async (call, _, index) => {
    void call.send(clusters([`cluster-${index}`]));
    if (index < 2) void call.send(garbage);
    await forever(call);
  });
  await using rig = plaintextRig(server.address);
  const { error } = await rig.waiting();
  assert.equal(error.code, "CONTROL_PLANE_UNAVAILABLE");
  assert.deepEqual(rig.sink.names(CDS), ["cluster-0", "cluster-1"]);
  await rig.connected(rig.statuses.length);
  assert.deepEqual(rig.sink.names(CDS), ["cluster-0", "cluster-1", "cluster-2"]);
});

Deno.test("a response of a type nobody asked for is ignored with a line, and the stream goes on", async () => {
  const answers: (string | undefined)[] = [];
  const answered = Promise.withResolvers<void>();
  await using server = await PlaintextServer.start(async (call, requests) => {
    void call.send(encodeResponse({ typeUrl: "x/Unknown", nonce: "u" }));
    void call.send(clusters(["a"]));
    for await (const bytes of requests) {
      const { responseNonce } = decode("envoy.service.discovery.v3.DeltaDiscoveryRequest", bytes);
      if (responseNonce === undefined) continue;
      answers.push(responseNonce);
      answered.resolve();
    }
  });
  await using rig = plaintextRig(server.address);
  await answered.promise;
  assert.deepEqual(answers, ["n"]);
  assert.deepEqual(rig.logged("warning"), [
    "Ignored a response of istiod: type 'x/Unknown' was not requested on this stream",
  ]);
});

Deno.test("a response far larger than gRPC's default limit arrives", async () => {
  await using server = await PlaintextServer.start(async (call) => {
    void call.send(clusters(["a", "b"], 5_000_000));
    await forever(call);
  });
  await using rig = plaintextRig(server.address);
  await rig.connected();
  assert.deepEqual(rig.sink.names(CDS), ["a", "b"]);
});

Deno.test("a server that answers and hangs up again and again is asked more and more slowly", async () => {
  await using server = await PlaintextServer.start(async (call) => {
    await call.send(clusters(["a"]));
  });
  await using rig = plaintextRig(server.address);
  const first = await rig.waiting();
  const second = await rig.waiting(rig.statuses.indexOf(first) + 1);
  assert.ok(second.retryInMs > first.retryInMs, `${first.retryInMs} then ${second.retryInMs}`);
});

Deno.test("TLS to a port that does not speak it", async () => {
  await using server = await PlaintextServer.start(forever);
  await using rig = new AdsRig({
    address: server.address,
    node: () => ({}),
    security: () => ({ tls: { roots: ROOT, serverName: "localhost", certificate: null }, token: null }),
  });
  rig.client.start();
  const { error, permanent } = await rig.waiting();
  assert.equal(error.code, "CONFIG_INVALID");
  assert.equal(permanent, true);
  assert.match(error.message, /does not speak TLS on this port[^]*15012/);
});

Deno.test("a server that accepts and stays silent is given up after the connect timeout", async () => {
  const registry = new HandleRegistry();
  const connections = new Set<RawConnection>();
  const acceptor = await listen({ hostname: "127.0.0.1", port: 0 }, (connection) => connections.add(connection), {
    registry,
    clock: systemClock,
    logger: silentLogger,
  });
  {
    await using rig = new AdsRig({
      address: acceptor.addr,
      connectTimeoutMs: 50,
      node: () => ({}),
      security: () => ({ tls: { roots: ROOT, serverName: "localhost", certificate: null }, token: null }),
    });
    rig.client.start();
    const { error, permanent } = await rig.waiting();
    assert.equal(permanent, false);
    assert.match(error.message, /no connection within '50' ms/);
  }
  await acceptor.close();
  for (const connection of connections) connection.destroy();
  await registry.idle();
});
