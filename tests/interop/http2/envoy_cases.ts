/** HTTP/2 with Envoy between: its client sidecar before `mesh.serve`, its server sidecar behind `mesh.fetch`. */
import assert from "node:assert/strict";
import { systemClock } from "../../../lib/internal/clock.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { readAll } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { serveHttp2 } from "../../../lib/http/http2/server_connection.ts";
import type { MeshServeHandler } from "../../../mod.ts";
import { MeshRig } from "../../support/mesh_rig.ts";
import { TransportRig } from "../../support/transport_rig.ts";
import { until } from "../../support/until.ts";
import type { Cases } from "../cases.ts";
import { certificates, principal } from "../certificates.ts";
import { freePort, type RunningEnvoy, startEnvoy } from "../envoy.ts";
import { clientSidecar, serverSidecar, type ServerSidecarOptions } from "../envoy_config.ts";
import { tlsMode } from "../tls_mode.ts";
import { digest, patterned } from "./bytes.ts";
import { codecClient, codecRequest, exchange, withTrailer } from "./codec_client.ts";
import { conversation, streamOf } from "./conversation.ts";
import { accepts } from "./nghttpd.ts";

const LARGE = patterned(8 * 1024 * 1024);

const echo: MeshServeHandler = (request, info) =>
  new Response(request.body, { headers: { "x-peer": info.peer?.principal ?? "none" } });

async function clientSidecarCases(cases: Cases, t: Deno.TestContext, folder: string): Promise<void> {
  const run = (name: string, act: () => Promise<void>) => cases.run(t, `Envoy to mesh.serve: ${name}`, act);
  const transport = await TransportRig.start(() => {});
  await MeshRig.use(async (rig) => {
    const { mesh, port: upstream } = await rig.serve("echo", echo, { portName: "http2" });
    const port = freePort();
    await using envoy = await startEnvoy(clientSidecar({
      port,
      upstream: { hostname: "127.0.0.1", port: upstream },
      certificates: await certificates(rig.istiod.authority, "sleep", folder),
      sans: [mesh.identity.spiffeId],
      sni: "outbound_.80_._.echo.default.svc.cluster.local",
      alpn: ["istio-h2", "istio", "h2"],
      http2: true,
    }));
    const connection = await codecClient(transport.connector, port);
    await run("POST of 8 MiB, echoed, the caller is known", async () => {
      const { response, bytes } = await exchange(connection, codecRequest("/", withTrailer(LARGE)));
      assert.deepEqual([response.status, response.headers.get("x-peer")], [200, principal("sleep")]);
      assert.equal(digest(bytes), digest(LARGE));
    });
    await run("request trailers end a request well", async () => {
      const { response, bytes } = await exchange(connection, codecRequest("/", withTrailer(LARGE, "x-sum", "1")));
      assert.deepEqual([response.status, digest(bytes)], [200, digest(LARGE)]);
    });
    await run("both directions stream at once", () => conversation(connection));
    await run("500 requests at a time share connections", async () => {
      const answers = await Promise.all(Array.from({ length: 500 }, async (_, i) => {
        const body = patterned(i * 20);
        return digest((await exchange(connection, codecRequest("/", withTrailer(body)))).bytes) === digest(body);
      }));
      assert.ok(answers.every(Boolean));
      const stats = await (await fetch(`${envoy.admin}/stats?filter=cluster.outbound.upstream_cx_(http2_)?total`))
        .text();
      assert.match(stats, /upstream_cx_http2_total: 1\n/);
    });
    connection.close();
  });
  await transport.close();
}

/** A mesh that calls `echo` through server sidecars of one application. */
async function serverSidecarCases(cases: Cases, t: Deno.TestContext, folder: string): Promise<void> {
  const run = (name: string, act: () => Promise<void>) => cases.run(t, `mesh.fetch to Envoy: ${name}`, act);
  // The application below is our codec, for nothing else here can show and send trailers as it likes.
  const application = await TransportRig.start((connection) =>
    void serveHttp2(connection.plaintext(), async (request) => {
      if (request.path !== "/trailers") return { status: 200, headers: new HeaderList(), body: request.body };
      const bytes = (await readAll(request.body))!;
      const trailers = request.body?.trailers?.pairs ?? [];
      return { status: 200, headers: new HeaderList(), body: withTrailer(bytes, "x-seen", trailers.join()) };
    }, { clock: systemClock, logger: silentLogger })
  );
  await MeshRig.use(async (rig) => {
    const files = await certificates(rig.istiod.authority, "echo", folder);
    const start = async (extra: Partial<ServerSidecarOptions> = {}, drainSeconds = 600) => {
      const port = freePort();
      const { hostname, port: target } = application.acceptor.addr;
      const config = serverSidecar({
        port,
        application: { hostname, port: target },
        http2: true,
        certificates: files,
        strict: false,
        ...extra,
      });
      return { port, envoy: await startEnvoy(config, { drainSeconds }) };
    };
    const first = await start();
    await using _first: RunningEnvoy = first.envoy;
    rig.service({ name: "echo", ports: [first.port], portName: "http2", targetPort: 8080 });
    rig.istiod.apply(tlsMode("echo", "ISTIO_MUTUAL"));
    const mesh = await rig.join("caller");
    await rig.istiod.settled();
    const post = async (body: Uint8Array<ArrayBuffer>) => {
      const response = await mesh.fetch("http://echo.default/", { method: "POST", body });
      const bytes = new Uint8Array(await response.arrayBuffer());
      assert.equal(response.status, 200, new TextDecoder().decode(bytes.subarray(0, 1000)));
      assert.equal(digest(bytes), digest(body));
    };
    const stat = async (envoy: RunningEnvoy, name: string) => {
      const text = await (await fetch(`${envoy.admin}/stats?filter=${name}`)).text();
      return Number(/: (\d+)/.exec(text)?.[1]);
    };

    await run("POST of 8 MiB, echoed", async () => {
      await post(LARGE);
      assert.equal(await stat(first.envoy, "http.inbound.downstream_cx_http2_total"), 1);
    });
    await run("both directions stream at once", async () => {
      const { body, write, end } = streamOf();
      const response = await mesh.fetch("http://echo.default/", { method: "POST", body });
      const reader = response.body!.getReader();
      for (const text of ["one", "two", "three"]) {
        write(text);
        assert.equal(new TextDecoder().decode((await reader.read()).value), text);
      }
      end();
      assert.equal((await reader.read()).done, true);
    });
    await run("trailers pass both ways", async () => {
      const transport = await TransportRig.start(() => {});
      const connection = await codecClient(transport.connector, first.port);
      const answer = await exchange(connection, codecRequest("/trailers", withTrailer(LARGE, "x-sum", "7")));
      assert.deepEqual(answer.trailers, ["x-seen", "x-sum,7"]);
      assert.equal(digest(answer.bytes), digest(LARGE));
      connection.close();
      await transport.close();
    });
    await run("a server that says GOAWAY after every 10 requests loses none of 2000", async () => {
      const hasty = await start({ maxRequestsPerConnection: 10 });
      await using _hasty = hasty.envoy;
      rig.endpoints("echo", [hasty.port], { portName: "http2" });
      await rig.istiod.settled();
      const body = patterned(100);
      await Promise.all(Array.from({ length: 20 }, async () => {
        for (let i = 0; i < 100; i++) await post(body);
      }));
      assert.ok(await stat(hasty.envoy, "http.inbound.downstream_cx_http2_total") > 10);
    });
    await run("a server that drains under load loses no request", async () => {
      const draining = await start({}, 3);
      await using _draining = draining.envoy;
      rig.endpoints("echo", [first.port, draining.port], { portName: "http2" });
      await rig.istiod.settled();
      const body = patterned(2000);
      let running = true;
      let answered = 0;
      const load = Promise.all(Array.from({ length: 20 }, async () => {
        for (; running; answered++) await post(body);
      }));
      load.catch(() => {});
      const requests = () => stat(draining.envoy, "http.inbound.downstream_rq_total");
      await until("the draining server has requests", async () => await requests() > 100);
      const drain = await fetch(`${draining.envoy.admin}/drain_listeners?graceful`, { method: "POST" });
      assert.equal((await drain.text()).trim(), "OK");
      const said = () => stat(draining.envoy, "http.inbound.downstream_cx_drain_close");
      await until("it has said GOAWAY", async () => await said() > 0, 10_000);
      // As for a pod that ends: its endpoint goes while it drains, before it stops listening.
      rig.istiod.delete(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: echo-1, namespace: default }
`);
      await until("it listens no longer", async () => !await accepts(draining.port), 10_000);
      const before = answered;
      await until("requests went on", () => answered > before + 200);
      running = false;
      await load;
    });
  });
  await application.close();
}

/** Registers the tests. */
export function envoyCases(cases: Cases): void {
  for (const act of [clientSidecarCases, serverSidecarCases]) {
    const name = act === clientSidecarCases
      ? "Envoy calls mesh.serve over HTTP/2"
      : "mesh.fetch calls Envoy over HTTP/2";
    Deno.test(name, async (t) => {
      const folder = await Deno.makeTempDir();
      await act(cases, t, folder);
      await Deno.remove(folder, { recursive: true });
    });
  }
}
