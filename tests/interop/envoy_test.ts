/** A real Envoy at the other end: as client sidecar calling `mesh.serve`, as server sidecar called by `mesh.fetch`. */
import assert from "node:assert/strict";
import { Mesh, type MeshServer } from "../../mod.ts";
import { CertificateAuthority, FakeIstiod } from "../../lib/testing/mod.ts";
import { echoEndpoints, echoService, peerAuthentication } from "../support/end_to_end.ts";
import { until } from "../support/until.ts";
import { certificates, principal } from "./certificates.ts";
import { type CertificateFiles, clientSidecar, serverSidecar } from "./envoy_config.ts";
import { freePort, startEnvoy } from "./envoy.ts";

const SNI = "outbound_.80_._.echo.default.svc.cluster.local";

async function joinAs(istiod: FakeIstiod, name: string): Promise<Mesh> {
  const workload = await istiod.workload({
    name,
    namespace: "default",
    serviceAccount: name,
    ip: "127.0.0.1",
    labels: { app: name, "security.istio.io/tlsMode": "istio" },
  });
  return await Mesh.join({ ...workload, env: {}, admin: false, logger: { log: () => {} } });
}

async function get(url: string, init?: RequestInit): Promise<{ status: number; text: string }> {
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text() };
}

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
    });

    await t.step("Envoy verifies our identity", async () => {
      const port = freePort();
      await using envoy = await startEnvoy(clientSidecar({ ...base, sans: [principal("other")], port }));
      assert.equal((await get(`http://127.0.0.1:${port}/`)).status, 503);
      const { text } = await get(`${envoy.admin}/stats?filter=fail_verify_san`);
      assert.match(text, /cluster\.outbound\.ssl\.fail_verify_san: [1-9]/);
    });

    await t.step("plaintext is served under PERMISSIVE and refused under STRICT", async () => {
      const url = `http://127.0.0.1:${server.addr.port}/`;
      const plaintext = async () => {
        try {
          return (await get(url, { headers: { connection: "close", "x-forwarded-client-cert": "By=forged" } })).text;
        } catch {
          return null;
        }
      };
      const seen = JSON.parse((await plaintext())!);
      assert.deepEqual([seen.peer, seen.xfcc], [null, null]);
      istiod.apply(peerAuthentication("STRICT"));
      await until("plaintext is refused", async () => await plaintext() === null);
      const port = freePort();
      await using _envoy = await startEnvoy(clientSidecar({ ...base, port }));
      assert.equal((await get(`http://127.0.0.1:${port}/`)).status, 200, "mutual TLS goes on");
    });
  } finally {
    await mesh.close();
    assert.equal(mesh.openHandles, 0);
    await Deno.remove(folder, { recursive: true });
  }
});

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
  const sidecar = (certificates: CertificateFiles, strict = true) =>
    startEnvoy(serverSidecar({
      port,
      application: { hostname: "127.0.0.1", port: application.addr.port },
      certificates,
      strict,
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

    await t.step("an Envoy of a wrong CA gets no request", async () => {
      const stranger = await CertificateAuthority.create();
      const good = await certificates(istiod.authority, "echo", folder);
      const forged = await certificates(stranger, "echo", folder);
      await using _envoy = await sidecar({ ...forged, root: good.root });
      assert.equal((await ask()).status, 503);
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
