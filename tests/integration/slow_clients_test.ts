/** Clients that begin and do not go on, at every stage: they hold up nobody, and go with the server. */
import assert from "node:assert/strict";
import { clientHello } from "../support/client_hello.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { refusals } from "../support/refusals.ts";
import { peerAuthentication } from "../support/peer_authentication.ts";
import { until } from "../support/until.ts";

const text = (value: string) => new TextEncoder().encode(value);
const hello = clientHello({
  sni: "outbound_.80_._.web.default.svc.cluster.local",
  alpn: ["istio"],
  extra: [[10, new Uint8Array([0, 2, 0, 29])], [43, new Uint8Array([2, 3, 4])]],
});

/** Where a client stops. */
const STAGES: Readonly<Record<string, Uint8Array>> = {
  "before the first byte": new Uint8Array(0),
  "within a method": text("GE"),
  "within a head": text("GET / HTTP/1.1\r\nhost: web.default\r\nx-slow: "),
  "within a body": text("POST /slow HTTP/1.1\r\nhost: web.default\r\ncontent-length: 100\r\n\r\nhalf"),
  "within an HTTP/2 preface": text("PRI * HTTP/2.0\r\n"),
  "after an HTTP/2 preface": text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  "within a ClientHello": hello.subarray(0, 60),
};

/** Each stage that often. */
const EACH = 20;

Deno.test("clients that stop half way hold up nobody, and are gone when the server closes", () =>
  MeshRig.use(async (rig) => {
    const { mesh, server, port } = await rig.serve("web", async (request) => {
      await request.bytes();
      return new Response("ok");
    });
    const caller = await rig.join("caller");
    const honest = async () => assert.equal(await (await caller.fetch("http://web.default/")).text(), "ok");
    await honest();
    const before = mesh.openHandles;
    const slow: Deno.Conn[] = [];
    for (let i = 0; i < EACH; i++) {
      for (const bytes of Object.values(STAGES)) {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        slow.push(connection);
        if (bytes.length > 0) await connection.write(bytes);
      }
      await honest();
    }
    await until("all of them are held", () => mesh.openHandles >= before + slow.length);
    // One byte more of each: they are still served as slowly as they speak.
    for (const connection of slow) await connection.write(text("E"));
    await honest();
    await mesh.close({ drain: 0 });
    await server.finished;
    await Promise.all(slow.map(hungUp));
    assert.equal(mesh.openHandles, 0);
  }));

Deno.test("a client that never reads what it asked for costs a bounded amount, and nobody else notices", () =>
  MeshRig.use(async (rig) => {
    const chunk = new Uint8Array(64 * 1024);
    let produced = 0;
    let cancelled = false;
    const { port, server } = await rig.serve(
      "web",
      (request) =>
        new URL(request.url).pathname === "/endless"
          ? new Response(
            new ReadableStream({
              pull(controller) {
                produced += chunk.length;
                controller.enqueue(chunk);
              },
              cancel() {
                cancelled = true;
              },
            }),
          )
          : new Response("ok"),
    );
    const caller = await rig.join("caller");
    const honest = async () => assert.equal(await (await caller.fetch("http://web.default/")).text(), "ok");
    const deaf = await Deno.connect({ hostname: "127.0.0.1", port });
    await deaf.write(text("GET /endless HTTP/1.1\r\nhost: web.default\r\n\r\n"));
    let last = -1;
    await until("the server stops producing", async () => {
      for (let i = 0; i < 10; i++) await honest();
      const stopped = produced > 0 && produced === last;
      last = produced;
      return stopped;
    });
    assert.ok(produced < 64 * 1024 * 1024, `it produced '${produced}' bytes for nobody`);
    deaf.close();
    await until("the producer is told", () => cancelled);
    await honest();
    await server.shutdown();
  }));

Deno.test("handshakes that are cut off leave a reason in log and metric, and no handle", async (t) => {
  await MeshRig.use(async (rig) => {
    rig.istiod.apply(peerAuthentication("STRICT"));
    const { mesh, port } = await rig.serve("web", () => new Response("ok"));
    const caller = await rig.join("caller");
    const honest = async () => assert.equal(await (await caller.fetch("http://web.default/")).text(), "ok");
    await honest();
    const open = mesh.openHandles;
    const log = rig.log("web");
    const cuts = {
      "half a ClientHello": hello.subarray(0, 60),
      "a ClientHello": hello,
      "a ClientHello and garbage": new Uint8Array([...hello, ...new Uint8Array(64).fill(0x33)]),
    };
    for (const [name, bytes] of Object.entries(cuts)) {
      await t.step(name, async () => {
        const lines = log.lines.length;
        const counted = refusals(mesh, "inbound", "handshake") + refusals(mesh, "inbound", "no_filter_chain");
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        await connection.write(bytes);
        await connection.closeWrite();
        await hungUp(connection);
        await until(
          "it is logged",
          () => log.lines.slice(lines).some(({ message }) => /^Refused a conn/.test(message)),
        );
        const now = refusals(mesh, "inbound", "handshake") + refusals(mesh, "inbound", "no_filter_chain");
        assert.equal(now, counted + 1, mesh.metrics());
        await until("it is gone", () => mesh.openHandles <= open);
        await honest();
      });
    }
  });
});

/** Waits until the server has hung up. */
async function hungUp(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    while (await connection.read(buffer) !== null) { /* until the server hangs up */ }
  } catch {
    // A reset is an answer too.
  }
  connection.close();
}
