/** Peers that are not who they should be, in both directions: refused with a reason, never served in plaintext. */
import assert from "node:assert/strict";
import { systemClock } from "../../lib/internal/clock.ts";
import { CertificateAuthority, type IssueOptions } from "../../lib/testing/mod.ts";
import type { ByteStream } from "../../lib/transport/byte_stream.ts";
import { createConnector } from "../../lib/transport/connector.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import type { TlsCertificate } from "../../lib/transport/secret_provider.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { Recorder, TransportRig, within } from "../support/transport_rig.ts";
import { until } from "../support/until.ts";

const HOUR = 3_600_000;
const GOOD = "spiffe://cluster.local/ns/default/sa/web";

interface BadPeer {
  /** What its certificate says. */
  readonly issue: IssueOptions;
  /** Whose it is. @default {"ours"} */
  readonly authority?: "ours" | "namesake" | "stranger";
  /** What the reason has to say. */
  readonly reason: RegExp;
}

const CALLER = "spiffe://cluster.local/ns/default/sa/caller";

function badPeers(id: string): Record<string, BadPeer> {
  return {
    "a wrong CA, the right id": {
      issue: { uriSans: [id] },
      authority: "stranger",
      reason: /vouch|trust|sign|root|chain|issuer/i,
    },
    "a wrong CA of our root's name": {
      issue: { uriSans: [id] },
      authority: "namesake",
      reason: /vouch|trust|sign|root|chain|issuer/i,
    },
    "expired": {
      issue: { uriSans: [id], notBefore: Date.now() - 2 * HOUR, notAfter: Date.now() - HOUR },
      reason: /expired/i,
    },
    "not yet valid": {
      issue: { uriSans: [id], notBefore: Date.now() + HOUR, notAfter: Date.now() + 2 * HOUR },
      reason: /not (yet )?valid|before/i,
    },
    "a wrong trust domain": {
      issue: { uriSans: ["spiffe://other.domain/ns/default/sa/web"] },
      reason: /other\.domain/,
    },
    "several ids": {
      issue: { uriSans: [id, "spiffe://cluster.local/ns/default/sa/admin"] },
      reason: /several|one|2|exactly/i,
    },
    "no id at all": { issue: { dnsSans: ["web.default"] }, reason: /URI|id|SPIFFE|name/i },
    "the wrong key usage": { issue: { uriSans: [id], usages: ["codeSigning"] }, reason: /usage|purpose/i },
  };
}

async function certificateOf(rig: MeshRig, { issue, authority = "ours" }: BadPeer): Promise<TlsCertificate> {
  const ca = authority === "ours"
    ? rig.istiod.authority
    : await CertificateAuthority.create({ organization: authority === "namesake" ? "cluster.local" : "elsewhere" });
  const { chain, key } = await ca.issue(issue);
  return { chain, key, spiffeId: null, notBefore: 0, notAfter: Infinity, version: Math.random() };
}

Deno.test("callers that mutual TLS does not vouch for are refused, with a reason in the log", async (t) => {
  await MeshRig.use(async (rig) => {
    let served = 0;
    const { server } = await rig.serve("web", () => {
      served++;
      return new Response("secret");
    });
    const registry = new HandleRegistry();
    const connector = createConnector({ registry, clock: systemClock });
    const log = rig.log("web");
    /** Sends a request over TLS with that certificate; tells what came back. */
    const call = async (certificate: TlsCertificate | null): Promise<string> => {
      let stream: ByteStream;
      try {
        stream = await connector.connect({
          address: { hostname: "127.0.0.1", port: server.addr.port },
          tls: { certificate, trust: "none", acceptSans: () => null, alpn: ["istio", "http/1.1"], sni: "x" },
          connectTimeoutMs: 5_000,
        });
      } catch {
        return "";
      }
      const seen = new Recorder(stream);
      stream.writeAscii("GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n");
      await seen.closed();
      return seen.text;
    };
    const bad = { ...badPeers(CALLER) };
    for (const [name, peer] of Object.entries(bad)) {
      await t.step(name, async () => {
        const before = log.lines.length;
        assert.equal(await call(await certificateOf(rig, peer)), "");
        await until("the reason is logged", () => log.lines.length > before, 2_000);
        const lines = log.lines.slice(before).map(({ message }) => message).join("\n");
        assert.match(lines, /Refused a connection/);
        assert.match(lines, peer.reason);
      });
    }
    await t.step("no certificate", async () => {
      const before = log.lines.length;
      assert.equal(await call(null), "");
      await until("the reason is logged", () => log.lines.length > before, 2_000);
      assert.match(log.lines.slice(before).map(({ message }) => message).join("\n"), /certificate/);
    });
    assert.equal(served, 0);
    await t.step("the right one is served", async () => {
      const { chain, key } = await rig.istiod.authority.issue({ uriSans: [CALLER] });
      const text = await call({ chain, key, spiffeId: null, notBefore: 0, notAfter: Infinity, version: 99 });
      assert.match(text, /^HTTP\/1\.1 200 /);
      assert.equal(served, 1);
    });
    await within(registry.idle(), () => "the caller left something open");
  });
});

Deno.test("servers that are not the expected one get no request; the answer and the metric say why", async (t) => {
  await MeshRig.use(async (rig) => {
    let certificate!: TlsCertificate;
    const received: string[] = [];
    const roots = [rig.istiod.rootCertificates];
    const transport = await TransportRig.start(async (raw) => {
      try {
        const stream = await raw.startTls({
          certificate,
          trust: { roots, version: 1 },
          requireClientCertificate: false,
          acceptSans: () => null,
          alpn: ["http/1.1"],
        });
        const seen = new Recorder(stream);
        await seen.closed();
        if (seen.text !== "") received.push(seen.text);
      } catch {
        // The caller does not like the certificate.
      }
    });
    rig.defer(() => transport.close());
    rig.istiod.workload({ name: "web" });
    rig.service({ name: "web", ports: [transport.acceptor.addr.port], targetPort: 9001 });
    const caller = await rig.join("caller");
    const bad = {
      ...badPeers(GOOD),
      "another workload of the mesh": {
        issue: { uriSans: ["spiffe://cluster.local/ns/default/sa/impostor"] },
        reason: /impostor/,
      },
    };
    for (const [name, peer] of Object.entries(bad)) {
      await t.step(name, async () => {
        certificate = await certificateOf(rig, peer);
        const response = await caller.fetch("http://web.default/");
        assert.equal(response.status, 503);
        const text = await response.text();
        assert.match(text, /Cannot (trust|speak TLS)/);
        assert.match(text, peer.reason);
      });
    }
    assert.deepEqual(received, []);
    assert.match(caller.metrics(), /istio_requests_total\{[^\n]*response_flags="(URX,)?UF(,URX)?"/);
  });
});

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
    await within(registry.idle(), () => "the caller left something open");
  });
});

Deno.test("STRICT refuses plaintext, and a caller without a mesh gets no byte", async () => {
  await MeshRig.use(async (rig) => {
    rig.istiod.apply(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
`);
    let served = 0;
    const { server } = await rig.serve("web", () => {
      served++;
      return new Response("secret");
    });
    const caller = await rig.join("caller");
    assert.equal(await (await caller.fetch("http://web.default/")).text(), "secret");
    await assert.rejects(fetch(`http://127.0.0.1:${server.addr.port}/`));
    assert.equal(served, 1);
    assert.match(rig.log("web").find(/Refused a connection/)!, /plaintext|no filter chain/);
  });
});
