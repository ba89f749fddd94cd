/** A real Envoy at the other end: as client sidecar calling `mesh.serve`, as server sidecar called by `mesh.fetch`. */
import assert from "node:assert/strict";
import type { MeshServer } from "../../mod.ts";
import { CertificateAuthority, FakeIstiod } from "../../lib/testing/mod.ts";
import { echoEndpoints, echoService } from "../support/end_to_end.ts";
import { peerAuthentication } from "../support/peer_authentication.ts";
import { until } from "../support/until.ts";
import { certificates, principal } from "./certificates.ts";
import { type CertificateFiles, clientSidecar, serverSidecar } from "./envoy_config.ts";
import { freePort, startEnvoy } from "./envoy.ts";
import { get, joinAs, refusals, SNI } from "./envoy_workload.ts";

Deno.test("Envoy as client sidecar calls mesh.serve", async (t) => {
  const folder = await Deno.makeTempDir();
  await using istiod = await FakeIstiod.start();
  istiod.apply(echoService(7000));
  const mesh = await joinAs(istiod, "echo");
  try {
    const server: MeshServer = await mesh.serve(
      { port: 0, hostname: "127.0.0.1", meshPort: 7000, onListen: () => {} },
      async (request, info) => {
        const body = new Uint8Array(await request.arrayBuffer());
        return Response.json({
          peer: info.peer?.principal ?? null,
          bytes: body.length,
          xfcc: request.headers.get("x-forwarded-client-cert"),
          metadata: request.headers.get("x-envoy-peer-metadata-id"),
        });
      },
    );
    const good = await certificates(istiod.authority, "sleep", folder);
    const base = {
      upstream: { hostname: "127.0.0.1", port: server.addr.port },
      certificates: good,
      sans: [principal("echo")],
      sni: SNI,
    };

    for (
      const [name, extra] of [
        ["HTTP/1.1 with Istio's ALPN names", {}],
        ["HTTP/2 with Istio's ALPN names", { http2: true, alpn: ["istio-h2", "istio", "h2"] }],
        ["HTTP/1.1 with names the server never selects", { alpn: ["istio-peer-exchange", "istio"] }],
      ] as const
    ) {
      await t.step(name, async () => {
        const port = freePort();
        await using _envoy = await startEnvoy(clientSidecar({ ...base, ...extra, port }));
        for (const bytes of [0, 100, 1_000_000]) {
          const body = bytes === 0 ? null : new Uint8Array(bytes);
          const { status, text } = await get(`http://127.0.0.1:${port}/x`, {
            method: "POST",
            body,
            headers: { "x-forwarded-client-cert": "By=spiffe://forged" },
          });
          assert.equal(status, 200, text);
          const seen = JSON.parse(text);
          assert.equal(seen.peer, principal("sleep"));
          assert.equal(seen.bytes, bytes);
          assert.equal(seen.metadata, null, "the application must not see the exchange");
        }
      });
    }

    await t.step("a certificate of a wrong CA is refused", async () => {
      const stranger = await CertificateAuthority.create();
      const port = freePort();
      const forged = await certificates(stranger, "sleep", folder);
      // The forger knows our root, so that Envoy accepts our server.
      const config = clientSidecar({ ...base, certificates: { ...forged, root: good.root }, port });
      await using _envoy = await startEnvoy(config);
      const { status, text } = await get(`http://127.0.0.1:${port}/`);
      assert.equal(status, 503, text);
      assert.ok(refusals(mesh, "inbound", "untrusted") > 0, mesh.metrics());
    });

    await t.step("we verify Envoy's identity", async () => {
      const port = freePort();
      const foreign = await certificates(istiod.authority, "sleep", folder, "other.example");
      await using _envoy = await startEnvoy(clientSidecar({ ...base, certificates: foreign, port }));
      const { status, text } = await get(`http://127.0.0.1:${port}/`);
      assert.equal(status, 503, text);
      assert.ok(refusals(mesh, "inbound", "wrong_identity") > 0, mesh.metrics());
    });

    await t.step("Envoy verifies our identity", async () => {
      const port = freePort();
      await using envoy = await startEnvoy(clientSidecar({ ...base, sans: [principal("other")], port }));
      assert.equal((await get(`http://127.0.0.1:${port}/`)).status, 503);
      const { text } = await get(`${envoy.admin}/stats?filter=fail_verify_san`);
      assert.match(text, /cluster\.outbound\.ssl\.fail_verify_san: [1-9]/);
    });

    await t.step("plaintext is served under PERMISSIVE and refused under STRICT", async () => {
      const port = freePort();
      await using _envoy = await startEnvoy(clientSidecar({ ...base, port }));
      const plaintextPort = freePort();
      await using _outsider = await startEnvoy(clientSidecar({ ...base, certificates: null, port: plaintextPort }));
      const headers = { "x-forwarded-client-cert": "By=forged" };
      const { status, text } = await get(`http://127.0.0.1:${plaintextPort}/`, { headers });
      assert.equal(status, 200, text);
      const seen = JSON.parse(text);
      assert.deepEqual([seen.peer, seen.xfcc], [null, null]);
      istiod.apply(peerAuthentication("STRICT"));
      await istiod.settled();
      // A connection of before lives on, as Envoy's would: only a client that comes now is refused.
      const newcomerPort = freePort();
      await using _newcomer = await startEnvoy(clientSidecar({ ...base, certificates: null, port: newcomerPort }));
      assert.equal((await get(`http://127.0.0.1:${newcomerPort}/`)).status, 503, "plaintext is refused");
      assert.equal((await get(`http://127.0.0.1:${port}/`)).status, 200, "mutual TLS goes on");
    });
  } finally {
    await mesh.close();
    assert.equal(mesh.openHandles, 0);
    await Deno.remove(folder, { recursive: true });
  }
});

const PLAINTEXT_TO_ECHO = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo, namespace: default }
spec: { host: echo.default.svc.cluster.local, trafficPolicy: { tls: { mode: DISABLE } } }
`;

Deno.test("mesh.fetch calls Envoy as server sidecar", async (t) => {
  const folder = await Deno.makeTempDir();
  await using istiod = await FakeIstiod.start();
  const application = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const body = await request.arrayBuffer();
    return Response.json({
      bytes: body.byteLength,
      xfcc: request.headers.get("x-forwarded-client-cert"),
      requestId: request.headers.get("x-request-id"),
    });
  });
  const port = freePort();
  istiod.apply(echoService(port));
  istiod.apply(echoEndpoints(port));
  const mesh = await joinAs(istiod, "caller");
  const sidecar = (certificates: CertificateFiles, options: { strict?: boolean; trustDomainPrefix?: string } = {}) =>
    startEnvoy(serverSidecar({
      port,
      application: { hostname: "127.0.0.1", port: application.addr.port },
      certificates,
      strict: true,
      ...options,
    }));
  const ask = async (bytes = 0) => {
    const response = await mesh.fetch("http://echo.default/", { method: "POST", body: new Uint8Array(bytes) });
    return { status: response.status, text: await response.text() };
  };
  try {
    await t.step("requests arrive with our identity", async () => {
      await using _envoy = await sidecar(await certificates(istiod.authority, "echo", folder));
      await until("the endpoint answers", async () => (await ask()).status === 200);
      for (const bytes of [0, 100, 1_000_000]) {
        const { status, text } = await ask(bytes);
        assert.equal(status, 200, text);
        const seen = JSON.parse(text);
        assert.equal(seen.bytes, bytes);
        assert.match(seen.xfcc, new RegExp(`URI=${principal("caller")}`));
        assert.match(seen.requestId, /^[0-9a-f-]{36}$/);
      }
    });

    await t.step("an Envoy with the identity of another workload gets no request", async () => {
      await using _envoy = await sidecar(await certificates(istiod.authority, "impostor", folder));
      const { status, text } = await ask();
      assert.equal(status, 503);
      assert.match(text, /impostor/);
    });

    await t.step("Envoy verifies our identity", async () => {
      const good = await certificates(istiod.authority, "echo", folder);
      await using envoy = await sidecar(good, { trustDomainPrefix: "spiffe://other.example/" });
      assert.equal((await ask()).status, 503);
      const { text } = await get(`${envoy.admin}/stats?filter=fail_verify_san`);
      assert.match(text, /ssl\.fail_verify_san: [1-9]/);
    });

    await t.step("an Envoy of a wrong CA gets no request", async () => {
      const stranger = await CertificateAuthority.create();
      const good = await certificates(istiod.authority, "echo", folder);
      const forged = await certificates(stranger, "echo", folder);
      await using _envoy = await sidecar({ ...forged, root: good.root });
      assert.equal((await ask()).status, 503);
      assert.ok(refusals(mesh, "outbound", "untrusted") > 0, mesh.metrics());
    });

    await t.step("a PERMISSIVE Envoy knows the mesh's TLS by our ALPN names, for HTTP/1.1 and for HTTP/2", async () => {
      const good = await certificates(istiod.authority, "echo", folder);
      await using envoy = await sidecar(good, { strict: false });
      for (const protocol of ["http", "http2"]) {
        for (const yaml of [echoService(port), echoEndpoints(port)]) {
          istiod.apply(yaml.replace("name: http,", `name: ${protocol},`));
        }
        await istiod.settled();
        const { status, text } = await ask(100);
        assert.equal(status, 200, text);
        assert.match(JSON.parse(text).xfcc, new RegExp(`URI=${principal("caller")}`));
      }
      const { text } = await get(`${envoy.admin}/stats?filter=downstream_cx_http[12]_total`);
      for (const version of ["http1", "http2"]) {
        assert.match(text, new RegExp(`http\\.inbound\\.downstream_cx_${version}_total: [1-9]`));
      }
    });

    await t.step("plaintext is served by a PERMISSIVE Envoy and refused by a STRICT one", async () => {
      const good = await certificates(istiod.authority, "echo", folder);
      istiod.apply(PLAINTEXT_TO_ECHO);
      await istiod.settled();
      {
        await using _envoy = await sidecar(good, { strict: false });
        const { status, text } = await ask(100);
        assert.equal(status, 200, text);
        assert.equal(JSON.parse(text).xfcc, null);
      }
      await using envoy = await sidecar(good);
      assert.equal((await ask()).status, 503);
      const { text } = await get(`${envoy.admin}/stats?filter=no_filter_chain_match`);
      assert.match(text, /no_filter_chain_match: [1-9]/);
    });

    await t.step("nobody there is a 503 that says so", async () => {
      const { status, text } = await ask();
      assert.equal(status, 503);
      assert.match(text, /Cannot/);
    });
  } finally {
    await mesh.close();
    assert.equal(mesh.openHandles, 0);
    await application.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
