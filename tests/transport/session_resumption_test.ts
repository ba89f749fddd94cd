import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer } from "node:net";
import { acceptAnyPeer } from "../../lib/transport/peer_rules.ts";
import { TestCa } from "../support/test_ca.ts";
import { Recorder, TransportRig } from "../support/transport_rig.ts";

const ca = await TestCa.create();
const certificate = await ca.issue();
const trust = ca.bundle();

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  Deno.test(`${version}: no session is resumed, so policies never meet an old one`, async () => {
    const rig = await TransportRig.start((connection) => {
      const tls = { certificate, trust, requireClientCertificate: true, acceptSans: acceptAnyPeer, alpn: [] };
      connection.startTls(tls).then((stream) => {
        new Recorder(stream);
        stream.writeAscii("hello");
      });
    });
    const sent: number[] = [];
    // A tap between the two counts what the client sends. A resumed handshake leaves its certificate out.
    const tap = createServer((inbound) => {
      const outbound = connect({ host: "127.0.0.1", port: rig.acceptor.addr.port });
      const at = sent.push(0) - 1;
      inbound.on("data", (chunk) => sent[at]! += chunk.length);
      inbound.pipe(outbound).pipe(inbound);
      inbound.on("error", () => outbound.destroy());
      outbound.on("error", () => inbound.destroy());
    });
    await new Promise<void>((resolve) => tap.listen(0, "127.0.0.1", resolve));
    const address = { hostname: "127.0.0.1", port: (tap.address() as AddressInfo).port };
    const tls = {
      certificate,
      trust,
      acceptSans: acceptAnyPeer,
      alpn: [],
      sni: "example.com",
      minVersion: version,
      maxVersion: version,
    };
    for (let i = 0; i < 4; i++) {
      const stream = await rig.connector.connect({ address, tls, connectTimeoutMs: 2_000 });
      const recorder = new Recorder(stream);
      // Session tickets come with or before the first application data.
      await recorder.received("hello");
      stream.end();
      await recorder.closed();
    }
    await new Promise<void>((resolve) => tap.close(() => resolve()));
    await rig.close();
    const [least, most] = [Math.min(...sent), Math.max(...sent)];
    assert.ok(least > certificate.chain.length / 2, `sent ${sent}`);
    assert.ok(most - least < 64, `sent ${sent}`);
  });
}
