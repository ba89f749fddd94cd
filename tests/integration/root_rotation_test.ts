/** Roots that come and go: nobody notices, apart from those who stay behind. */
import assert from "node:assert/strict";
import { systemClock } from "../../lib/internal/clock.ts";
import { createConnector } from "../../lib/transport/connector.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { refusals } from "../support/refusals.ts";
import { Recorder, TransportRig, within } from "../support/transport_rig.ts";
import { until } from "../support/until.ts";

const CALLER = "spiffe://cluster.local/ns/default/sa/caller";

Deno.test("a root is rotated in and out under load without a failed request; afterwards the old one is refused", async () => {
  await MeshRig.use(async (rig) => {
    // As Kubernetes does with the ConfigMap, which istiod keeps up to date.
    const file = await Deno.makeTempFile({ suffix: ".pem" });
    rig.defer(() => Deno.remove(file));
    const publishRoots = () => Deno.writeTextFile(file, rig.istiod.rootCertificates);
    await publishRoots();
    const workload = { join: { rootCertificates: { file } } };
    const { mesh: web, server } = await rig.serve(
      "web",
      (_request, info) => new Response(info.peer?.principal ?? "nobody"),
      { workload },
    );
    const caller = await rig.join("caller", workload);
    const old = await rig.istiod.authority.issue({ uriSans: [CALLER] });
    let running = true;
    let answered = 0;
    const load = Promise.all(Array.from({ length: 4 }, async () => {
      while (running) {
        const response = await caller.fetch("http://web.default/");
        assert.equal(await response.text(), CALLER);
        answered++;
      }
    }));
    const some = () => {
      const before = answered;
      return until("requests go on", () => answered > before + 20, 5_000);
    };
    await some();
    await rig.istiod.rotateRoot();
    await publishRoots();
    // Both learn to trust the new root, and are certified under it; requests go on whichever comes first.
    await Promise.all([web.renewCertificate(), caller.renewCertificate()]);
    await some();
    // A new caller speaks under the new root at once.
    const third = await rig.join("third");
    assert.match(await (await third.fetch("http://web.default/")).text(), /sa\/third$/);
    await rig.istiod.retireOldRoots();
    await publishRoots();
    await Promise.all([web.renewCertificate(), caller.renewCertificate()]);
    await some();
    running = false;
    await load;
    const registry = new HandleRegistry();
    const connector = createConnector({ registry, clock: systemClock });
    const stream = await connector.connect({
      address: { hostname: "127.0.0.1", port: server.addr.port },
      tls: {
        certificate: { chain: old.chain, key: old.key, spiffeId: null, notBefore: 0, notAfter: Infinity, version: 1 },
        trust: "none",
        acceptSans: () => null,
        alpn: ["istio", "http/1.1"],
        sni: "",
      },
      connectTimeoutMs: 5_000,
    }).catch(() => null);
    if (stream !== null) {
      const seen = new Recorder(stream);
      stream.writeAscii("GET / HTTP/1.1\r\nhost: web\r\n\r\n");
      await seen.closed();
      assert.equal(seen.text, "");
    }
    const refused = (name: string) => rig.log(name).find(/Refused .*no trusted root vouches for|Refused .*another key/);
    await until("the server's log says so", () => refused("web") !== undefined, 5_000);
    assert.equal(refusals(web, "inbound", "untrusted"), 1);
    await within(registry.idle(), () => "the caller left something open");

    // The other direction: a server that still has a certificate of the old root.
    const stale = await TransportRig.start(async (raw) => {
      const stream = await raw.startTls({
        certificate: { ...old, spiffeId: null, notBefore: 0, notAfter: Infinity, version: 1 },
        trust: null,
        requireClientCertificate: false,
        acceptSans: () => null,
        alpn: ["http/1.1"],
      }).catch(() => null);
      if (stream !== null) await new Recorder(stream).closed();
    });
    rig.defer(() => stale.close());
    rig.istiod.workload({ name: "stale" });
    rig.service({ name: "stale", ports: [stale.acceptor.addr.port], targetPort: 9002 });
    await rig.istiod.settled();
    const response = await caller.fetch("http://stale.default/");
    assert.equal(response.status, 503);
    assert.match(await response.text(), /Cannot trust the server/);
    assert.notEqual(refused("caller"), undefined, String(rig.log("caller")));
    assert.ok(refusals(caller, "outbound", "untrusted") > 0);
  });
});
