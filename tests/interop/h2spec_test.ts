/**
 * HTTP/2 conformance of `mesh.serve`: h2spec, in cleartext and over mutual TLS. h2spec shows no client certificate, so
 * over TLS it speaks through a relay that does and that passes every byte on.
 */
import assert from "node:assert/strict";
import net from "node:net";
import tls from "node:tls";
import { Mesh } from "../../mod.ts";
import { FakeIstiod } from "../../lib/testing/mod.ts";
import { ensurePeer } from "./peers.ts";

/** Every case of the version that `peers.ts` names, those of its strict mode too. */
const CASES = 146;

async function h2spec(port: number): Promise<string> {
  const program = await ensurePeer("h2spec");
  const { stdout } = await new Deno.Command(program, {
    args: ["-h", "127.0.0.1", "-p", String(port), "--timeout", "5", "--strict"],
    env: { NO_COLOR: "1" },
  }).output();
  return new TextDecoder().decode(stdout);
}

function assertAllPassed(output: string): void {
  const summary = /(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed/.exec(output);
  assert.ok(summary !== null, output);
  const [total, passed, skipped, failed] = summary.slice(1).map(Number);
  console.log(`h2spec: ${total} cases, ${passed} passed, ${skipped} skipped, ${failed} failed`);
  // A skipped case has shown nothing, so it is no pass.
  assert.deepEqual({ total, passed }, { total: CASES, passed: CASES }, output);
}

async function withServer(act: (port: number, istiod: FakeIstiod) => Promise<void>): Promise<void> {
  await using istiod = await FakeIstiod.start();
  const mesh = await Mesh.join({ ...istiod.workload({ name: "target" }), logger: { log: () => {} } });
  try {
    const server = await mesh.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      async (request) => {
        await request.arrayBuffer();
        // As a handler that has something to do: h2spec writes the frames of a case one by one and expects the stream to
        // be open for all of them, also where the request is a GET that is not ended.
        await new Promise((resolve) => setTimeout(resolve, 20));
        // Longer than the windows h2spec opens: where the answer fits, it skips the cases of a window that shrinks.
        return new Response("h2spec".repeat(10));
      },
    );
    await act(server.addr.port, istiod);
  } finally {
    await mesh.close();
    assert.equal(mesh.openHandles, 0);
  }
}

/** Relays plaintext connections to a port over TLS with a client certificate of the mesh. */
async function withTlsRelay(port: number, istiod: FakeIstiod, act: (port: number) => Promise<void>): Promise<void> {
  const { chain, key, root } = await istiod.authority.issue({
    uriSans: ["spiffe://cluster.local/ns/default/sa/sleep"],
  });
  const sockets = new Set<net.Socket>();
  const relay = net.createServer({ allowHalfOpen: true }, (plain) => {
    const secure = tls.connect({
      host: "127.0.0.1",
      port,
      cert: chain,
      key,
      ca: root,
      ALPNProtocols: ["istio-h2", "istio", "h2"],
      checkServerIdentity: () => undefined,
    });
    for (const socket of [plain, secure]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        sockets.delete(socket);
        plain.destroy();
        secure.destroy();
      });
    }
    plain.pipe(secure);
    secure.pipe(plain);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  try {
    await act((relay.address() as net.AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => relay.close(resolve));
  }
}

Deno.test("h2spec passes against mesh.serve in cleartext", () =>
  withServer(async (port) => assertAllPassed(await h2spec(port))));

Deno.test("h2spec passes against mesh.serve over mutual TLS", () =>
  withServer((port, istiod) => withTlsRelay(port, istiod, async (relay) => assertAllPassed(await h2spec(relay)))));
