import assert from "node:assert/strict";
import { connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { RawConnection } from "../../lib/transport/raw_connection.ts";
import { acceptAnyPeer } from "../../lib/transport/peer_rules.ts";
import type { ServerTls } from "../../lib/transport/tls_options.ts";
import { clientHello } from "../support/client_hello.ts";
import { TestCa } from "../support/test_ca.ts";
import { Recorder, TransportRig } from "../support/transport_rig.ts";

/** Enough to show a leak of 5.7 KB each, as `tls.createServer` has it, as 9 MB. */
const CONNECTIONS = 1600;

Deno.test("garbage connections are refused without leaving memory, and honest ones are served meanwhile", async () => {
  const ca = await TestCa.create();
  const certificate = await ca.issue();
  const trust = ca.bundle();
  const tls: ServerTls = {
    certificate,
    trust,
    requireClientCertificate: true,
    acceptSans: acceptAnyPeer,
    alpn: ["h2"],
  };
  let refused = 0;
  const rig = await TransportRig.start((connection: RawConnection) => {
    connection.startTls(tls).then((stream) => {
      const recorder = new Recorder(stream);
      recorder.onData = (chunk) => void stream.write(chunk);
    }, () => {});
  }, { onTransportFailure: () => void refused++ });
  const hello = clientHello({ extra: [[10, new Uint8Array([0, 2, 0, 29])], [43, new Uint8Array([2, 3, 4])]] });
  const garbage: readonly Uint8Array[] = [
    new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"),
    hello,
    hello.slice(0, 40),
    new Uint8Array([...hello, ...new Uint8Array(64).fill(0x33)]),
    crypto.getRandomValues(new Uint8Array(64)),
    new Uint8Array(),
  ];
  const one = (i: number): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port: rig.acceptor.addr.port }, () => {
        socket.end(garbage[i % garbage.length]!);
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.resume();
    });
  const wave = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => one(i + j)));
  };
  const honest = async (): Promise<void> => {
    const client = { certificate, trust, acceptSans: acceptAnyPeer, alpn: ["h2"], sni: "" };
    const stream = await rig.connector.connect({ address: rig.acceptor.addr, tls: client, connectTimeoutMs: 5_000 });
    const recorder = new Recorder(stream);
    stream.writeAscii("ping");
    await recorder.received("ping");
    stream.end();
    await recorder.closed();
  };

  await wave(400);
  const before = usedHeap();
  const waving = wave(CONNECTIONS);
  for (let i = 0; i < 5; i++) await honest();
  await waving;
  const grown = usedHeap() - before;
  assert.ok(grown < CONNECTIONS * 1000, `the heap grew by ${grown} bytes over ${CONNECTIONS} connections`);
  await rig.close();
  // Connections that close without a word are no failures.
  assert.ok(refused > CONNECTIONS / 2, `${refused} were refused`);
});

/** Heap in use after a collection. */
function usedHeap(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return Deno.memoryUsage().heapUsed;
}
