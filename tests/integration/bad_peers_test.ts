/** Peers that are not who they should be, in both directions: refused with a reason, never served in plaintext. */
import assert from "node:assert/strict";
import { systemClock } from "../../lib/internal/clock.ts";
import { CertificateAuthority, type IssueOptions } from "../../lib/testing/mod.ts";
import type { ByteStream } from "../../lib/transport/byte_stream.ts";
import { createConnector } from "../../lib/transport/connector.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import type { PeerFailure } from "../../lib/transport/peer_verification.ts";
import type { TlsCertificate } from "../../lib/transport/secret_provider.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { refusals } from "../support/refusals.ts";
import { Recorder, TransportRig, within } from "../support/transport_rig.ts";
import { peerAuthentication } from "../support/peer_authentication.ts";
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
  /** The reason in the metric. */
  readonly kind: PeerFailure;
}

const CALLER = "spiffe://cluster.local/ns/default/sa/caller";

function badPeers(id: string): Record<string, BadPeer> {
  return {
    "a wrong CA, the right id": {
      issue: { uriSans: [id] },
      authority: "stranger",
      kind: "untrusted",
      reason: /vouch|trust|sign|root|chain|issuer/i,
    },
    "a wrong CA of our root's name": {
      issue: { uriSans: [id] },
      authority: "namesake",
      kind: "untrusted",
      reason: /vouch|trust|sign|root|chain|issuer/i,
    },
    "expired": {
      issue: { uriSans: [id], notBefore: Date.now() - 2 * HOUR, notAfter: Date.now() - HOUR },
      reason: /expired/i,
      kind: "expired",
    },
    "not yet valid": {
      issue: { uriSans: [id], notBefore: Date.now() + HOUR, notAfter: Date.now() + 2 * HOUR },
      reason: /not (yet )?valid|before/i,
      kind: "not_yet_valid",
    },
    "a wrong trust domain": {
      issue: { uriSans: ["spiffe://other.domain/ns/default/sa/web"] },
      reason: /other\.domain/,
      kind: "wrong_identity",
    },
    "several ids": {
      issue: { uriSans: [id, "spiffe://cluster.local/ns/default/sa/admin"] },
      reason: /'2' URI names/,
      kind: "wrong_identity",
    },
    "no id at all": { issue: { dnsSans: ["web.default"] }, reason: /URI|id|SPIFFE|name/i, kind: "wrong_identity" },
    "the wrong key usage": {
      issue: { uriSans: [id], usages: ["codeSigning"] },
      reason: /usage|purpose/i,
      kind: "wrong_usage",
    },
  };
}

async function certificateOf(rig: MeshRig, { issue, authority = "ours" }: BadPeer): Promise<TlsCertificate> {
  const ca = authority === "ours"
    ? rig.istiod.authority
    : await CertificateAuthority.create({ organization: authority === "namesake" ? "cluster.local" : "elsewhere" });
  const { chain, key } = await ca.issue(issue);
  return { chain, key, spiffeId: null, notBefore: 0, notAfter: Infinity, version: Math.random() };
}

Deno.test("callers that mutual TLS does not vouch for are refused, with a reason in log and metric", async (t) => {
  await MeshRig.use(async (rig) => {
    let served = 0;
    const { mesh, server } = await rig.serve("web", () => {
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
        const counted = refusals(mesh, "inbound", peer.kind);
        assert.equal(await call(await certificateOf(rig, peer)), "");
        await until("the reason is logged", () => log.lines.length > before, 2_000);
        const lines = log.lines.slice(before).map(({ message }) => message).join("\n");
        assert.match(lines, /Refused a connection/);
        assert.match(lines, peer.reason);
        assert.equal(refusals(mesh, "inbound", peer.kind), counted + 1);
      });
    }
    await t.step("no certificate", async () => {
      const before = log.lines.length;
      assert.equal(await call(null), "");
      await until("the reason is logged", () => log.lines.length > before, 2_000);
      assert.match(log.lines.slice(before).map(({ message }) => message).join("\n"), /it sent no certificate/);
      assert.equal(refusals(mesh, "inbound", "no_certificate"), 1);
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

Deno.test("servers that are not the expected one get no request; the answer, the log and the metric say why", async (t) => {
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
    const log = rig.log("caller");
    const bad: Record<string, BadPeer> = {
      ...badPeers(GOOD),
      "another workload of the mesh": {
        issue: { uriSans: ["spiffe://cluster.local/ns/default/sa/impostor"] },
        reason: /impostor/,
        kind: "wrong_identity",
      },
    };
    for (const [name, peer] of Object.entries(bad)) {
      await t.step(name, async () => {
        certificate = await certificateOf(rig, peer);
        const before = log.lines.length;
        const counted = refusals(caller, "outbound", peer.kind);
        const response = await caller.fetch("http://web.default/");
        assert.equal(response.status, 503);
        const text = await response.text();
        assert.match(text, /Cannot (trust|speak TLS)/);
        assert.match(text, peer.reason);
        const lines = log.lines.slice(before).map(({ message }) => message).join("\n");
        assert.match(lines, /Refused the server at '127\.0\.0\.1:\d+'/);
        assert.match(lines, peer.reason);
        assert.ok(refusals(caller, "outbound", peer.kind) > counted);
      });
    }
    assert.deepEqual(received, []);
    assert.match(caller.metrics(), /istio_requests_total\{[^\n]*response_flags="(URX,)?UF(,URX)?"/);
  });
});

Deno.test("a server of the mesh that answers in plaintext, or hangs up, never sees a request", async (t) => {
  await MeshRig.use(async (rig) => {
    let answer = "";
    const received: Recorder[] = [];
    const transport = await TransportRig.start((raw) => {
      const stream = raw.plaintext();
      received.push(new Recorder(stream));
      if (answer !== "") stream.writeAscii(answer);
      stream.end();
    });
    rig.defer(() => transport.close());
    rig.istiod.workload({ name: "web" });
    rig.service({ name: "web", ports: [transport.acceptor.addr.port], targetPort: 9003 });
    const caller = await rig.join("caller");
    const failures = () => refusals(caller, "outbound", "handshake") + refusals(caller, "outbound", "connect");
    for (
      const [name, text, says] of [
        ["plaintext", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", /Cannot speak TLS/],
        ["nothing", "", /Cannot (speak TLS|connect).*disconnected/],
      ] as const
    ) {
      await t.step(name, async () => {
        answer = text;
        const counted = failures();
        const response = await caller.fetch("http://web.default/");
        assert.equal(response.status, 503);
        assert.match(await response.text(), says);
        assert.ok(failures() > counted);
      });
    }
    assert.match(rig.log("caller").find(/Refused the server/) ?? "", /'127\.0\.0\.1:\d+'/);
    assert.ok(received.length > 1);
    for (const { text } of received) assert.doesNotMatch(text, /GET|web\.default\/|HTTP/);
  });
});

Deno.test("STRICT refuses plaintext, and a caller without a mesh gets no byte", async () => {
  await MeshRig.use(async (rig) => {
    rig.istiod.apply(peerAuthentication("STRICT"));
    let served = 0;
    const { mesh, server } = await rig.serve("web", () => {
      served++;
      return new Response("secret");
    });
    const caller = await rig.join("caller");
    assert.equal(await (await caller.fetch("http://web.default/")).text(), "secret");
    await assert.rejects(fetch(`http://127.0.0.1:${server.addr.port}/`));
    assert.equal(served, 1);
    assert.equal(refusals(mesh, "inbound", "no_filter_chain"), 1);
    assert.match(rig.log("web").find(/Refused a connection/)!, /plaintext|no filter chain/);
  });
});
