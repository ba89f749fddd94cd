/** HTTP/2 conformance of `mesh.serve`: h2spec, over TLS and in cleartext. */
import assert from "node:assert/strict";
import { Mesh } from "../../mod.ts";
import { FakeIstiod } from "../../lib/testing/mod.ts";
import { ensurePeer } from "./peers.ts";

async function h2spec(port: number, args: string[]): Promise<string> {
  const program = await ensurePeer("h2spec");
  const { stdout } = await new Deno.Command(program, {
    args: ["-h", "127.0.0.1", "-p", String(port), "--timeout", "5", ...args],
    env: { NO_COLOR: "1" },
  }).output();
  return new TextDecoder().decode(stdout);
}

function assertAllPassed(output: string): void {
  const summary = /(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed/.exec(output);
  assert.ok(summary !== null, output);
  const [, total, passed, skipped, failed] = summary.map(Number);
  console.log(`h2spec: ${total} cases, ${passed} passed, ${skipped} skipped, ${failed} failed`);
  assert.equal(failed, 0, output);
  assert.ok(passed! >= 140, output);
}

async function withServer(act: (port: number) => Promise<void>): Promise<void> {
  await using istiod = await FakeIstiod.start();
  const workload = await istiod.workload({
    name: "target",
    namespace: "default",
    serviceAccount: "target",
    ip: "127.0.0.1",
    labels: { app: "target" },
  });
  const mesh = await Mesh.join({ ...workload, env: {}, admin: false, logger: { log: () => {} } });
  try {
    const server = await mesh.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      async (request) => {
        await request.arrayBuffer();
        return new Response("ok");
      },
    );
    await act(server.addr.port);
  } finally {
    await mesh.close();
    assert.equal(mesh.openHandles, 0);
  }
}

Deno.test("h2spec passes against mesh.serve in cleartext", () =>
  withServer(async (port) => assertAllPassed(await h2spec(port, []))));
