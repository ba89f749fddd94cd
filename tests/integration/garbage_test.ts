/** Strangers that send anything at all to `mesh.serve`: they cost nothing that lasts, and nobody else notices. */
import assert from "node:assert/strict";
import { clientHello } from "../support/client_hello.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";
import { usedHeap } from "../support/used_heap.ts";

/** Enough to show 600 bytes kept of each: a socket, its listeners or its timer are several times that. */
const CONNECTIONS = 2400;
const AT_MOST_EACH = 600;

const bytes = (text: string) => new TextEncoder().encode(text);
// The runtime goes on from this one: it fails in the handshake, not before.
const hello = clientHello({
  sni: "outbound_.80_._.target.default.svc.cluster.local",
  alpn: ["istio"],
  extra: [[10, new Uint8Array([0, 2, 0, 29])], [43, new Uint8Array([2, 3, 4])]],
});

const GARBAGE: readonly Uint8Array[] = [
  bytes("\x16\x03\x01\x00\x05hello"),
  bytes("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
  hello,
  hello.slice(0, 60),
  new Uint8Array([...hello, ...new Uint8Array(64).fill(0x33)]),
  bytes("NOT HTTP AT ALL\r\n\r\n"),
  bytes("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
  bytes("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf"),
  bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x00"),
  new Uint8Array(64),
  new Uint8Array(0),
];

Deno.test("garbage connections to mesh.serve leave no memory and no handles behind, and honest requests are answered meanwhile", () =>
  MeshRig.use(async (rig) => {
    const quiet = { join: { logger: { log: () => {} } } };
    const { mesh, port } = await rig.serve("target", () => new Response("ok"), { workload: quiet });
    const caller = await rig.join("caller", quiet);
    const honest = async () => {
      const response = await caller.fetch("http://target.default/");
      assert.equal(response.status, 200, await response.text());
    };
    await rig.answers(caller, "http://target.default/");

    await flood(port, 600);
    await honest();
    const open = mesh.openHandles;
    const before = await usedHeap();
    const flooding = flood(port, CONNECTIONS);
    for (let i = 0; i < 20; i++) await honest();
    await flooding;
    await until("every refused connection is gone", () => mesh.openHandles <= open);
    const grown = await usedHeap() - before;
    assert.ok(
      grown < CONNECTIONS * AT_MOST_EACH,
      `the heap grew by ${grown} bytes over ${CONNECTIONS} connections, ${(grown / CONNECTIONS).toFixed(0)} each`,
    );
  }));

/** Sends garbage on that many connections, 32 at a time, and waits for the server to hang up each. */
async function flood(port: number, connections: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < connections) await one(port, GARBAGE[next++ % GARBAGE.length]!);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

async function one(port: number, garbage: Uint8Array): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    await connection.write(garbage);
    await connection.closeWrite();
    const buffer = new Uint8Array(256);
    while (await connection.read(buffer) !== null) { /* until the server hangs up */ }
  } catch {
    // A reset is an answer too.
  }
}
