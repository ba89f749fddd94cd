/** `mesh.serve` with clients that no one here wrote: nghttp, curl, h2load. */
import assert from "node:assert/strict";
import { Mesh, type MeshServeHandler } from "../../../mod.ts";
import { FakeIstiod } from "../../../lib/testing/mod.ts";
import { startHeapTarget } from "../../bench/http/heap_target.ts";
import { peerAuthentication } from "../../support/peer_authentication.ts";
import type { Cases } from "../cases.ts";
import { certificates, principal } from "../certificates.ts";
import type { CertificateFiles } from "../envoy_config.ts";
import { type Ended, runPeer } from "../process.ts";
import { digest, patterned } from "./bytes.ts";

const LARGE = patterned(8 * 1024 * 1024);

const handler: MeshServeHandler = async (request, info) => {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/large":
      return new Response(LARGE);
    case "/stream":
      return new Response(new Blob([LARGE]).stream());
    case "/echo":
      return new Response(request.body);
    case "/digest":
      return new Response(digest(new Uint8Array(await request.arrayBuffer())));
    case "/missing":
      return new Response("not here", { status: 404 });
    default:
      return Response.json({ peer: info.peer?.principal ?? null, method: request.method });
  }
};

/** What the cases of a client are told. */
interface Target {
  readonly folder: string;
  /** Certificate of a caller, for TLS. */
  readonly files: CertificateFiles;
}

/**
 * Serves the handler. Callers with certificates call under STRICT: under PERMISSIVE, TLS that offers none of Istio's
 * ALPN names is the application's own, as it is for a sidecar.
 */
async function withServer(
  secure: boolean,
  act: (port: number, target: Target) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/large`, LARGE);
  await using istiod = await FakeIstiod.start();
  if (secure) istiod.apply(peerAuthentication("STRICT"));
  const mesh = await Mesh.join({ ...istiod.workload({ name: "target" }), logger: { log: () => {} } });
  try {
    const server = await mesh.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
    await act(server.addr.port, { folder, files: await certificates(istiod.authority, "sleep", folder) });
  } finally {
    await mesh.close();
    assert.equal(mesh.openHandles, 0);
    await Deno.remove(folder, { recursive: true });
  }
}

/** A program's output, which has to have ended well. */
function output({ code, stdout, stderr }: Ended): string {
  assert.equal(code, 0, `${stdout.slice(-2000)}\n${stderr.slice(-2000)}`);
  return stdout;
}

/** The cases of curl, in plaintext or with a certificate of the mesh. */
async function curlCases(cases: Cases, t: Deno.TestContext, name: string, secure: boolean): Promise<void> {
  await withServer(secure, async (port, { folder, files }) => {
    const origin = `${secure ? "https" : "http"}://127.0.0.1:${port}`;
    // The server's name is a SPIFFE id, which curl cannot check.
    const tls = ["--http2", "--insecure", "--cert", files.chain, "--key", files.key];
    const ways = secure ? tls : ["--http2-prior-knowledge"];
    const curl = async (path: string, ...args: string[]) =>
      output(
        await runPeer("curl", {
          args: ["--silent", "--show-error", "--max-time", "20", ...ways, ...args, `${origin}${path}`],
        }),
      );
    const run = (what: string, act: () => Promise<void>) => cases.run(t, `${name}: ${what}`, act);
    await run("GET, who calls is known", async () => {
      const text = await curl("/", "--write-out", "\n%{http_version} %{http_code}");
      const [body, facts] = text.split("\n");
      assert.deepEqual(JSON.parse(body!), { peer: secure ? principal("sleep") : null, method: "GET" });
      assert.equal(facts, "2 200");
    });
    await run("HEAD", async () => {
      assert.match(await curl("/large", "--head"), new RegExp(`HTTP/2 200[^]*content-length: ${LARGE.length}`));
    });
    await run("404", async () => {
      assert.equal(await curl("/missing", "--write-out", "%{http_code}"), "not here404");
    });
    for (const path of ["/large", "/stream"]) {
      await run(`GET of 8 MiB from ${path}`, async () => {
        await curl(path, "--output", `${folder}/got`);
        assert.equal(digest(await Deno.readFile(`${folder}/got`)), digest(LARGE));
      });
    }
    await run("POST of 8 MiB", async () => {
      assert.equal(await curl("/digest", "--data-binary", `@${folder}/large`), digest(LARGE));
    });
    await run("PUT of 8 MiB, echoed while it arrives", async () => {
      await curl("/echo", "--upload-file", `${folder}/large`, "--output", `${folder}/got`);
      assert.equal(digest(await Deno.readFile(`${folder}/got`)), digest(LARGE));
    });
    // By prior knowledge curl 7.88 cannot use a connection again, whoever the server is.
    if (!secure) return;
    await run("100 requests at a time on one connection", async () => {
      const args = ["--parallel", "--parallel-max", "100", "--write-out", "%{http_code} %{num_connects}\\n"];
      const lines = (await curl("/?[1-100]", ...args, "--output", "/dev/null")).trim().split("\n");
      assert.deepEqual([lines.length, lines.filter((line) => line.startsWith("200 ")).length], [100, 100]);
      assert.equal(lines.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0), 1, "connections");
    });
  });
}

async function nghttpCases(cases: Cases, t: Deno.TestContext, name: string, secure: boolean): Promise<void> {
  await withServer(secure, async (port, { folder, files }) => {
    const origin = `${secure ? "https" : "http"}://127.0.0.1:${port}`;
    const ways = secure ? ["--no-verify-peer", "--cert", files.chain, "--key", files.key] : [];
    const nghttp = async (...args: string[]) => output(await runPeer("nghttp", { args: [...ways, ...args] }));
    const run = (what: string, act: () => Promise<void>) => cases.run(t, `${name}: ${what}`, act);
    await run("GET, frame by frame", async () => {
      const text = await nghttp("-v", "-n", `${origin}/`);
      for (const expected of ["recv SETTINGS frame", ":status: 200", "; END_STREAM", "send GOAWAY frame"]) {
        assert.ok(text.includes(expected), `no '${expected}' in:\n${text}`);
      }
      assert.doesNotMatch(text, /recv (GOAWAY|RST_STREAM)/);
      if (secure) assert.match(text, /The negotiated protocol: h2/);
    });
    await run("POST of 8 MiB with a trailer, padded", async () => {
      const text = await nghttp("-d", `${folder}/large`, "--trailer", "x-sum: 1", "-b", "100", `${origin}/digest`);
      assert.equal(text.trim(), digest(LARGE));
    });
    await run("POST of 8 MiB that expects 100 Continue", async () => {
      const text = await nghttp("-d", `${folder}/large`, "--expect-continue", `${origin}/digest`);
      assert.equal(text.trim(), digest(LARGE));
    });
    await run("20 times 8 MiB at a time, through windows of 64 KiB", async () => {
      const text = await nghttp("-n", "-s", "-m", "20", "-w", "16", "-W", "16", `${origin}/large`);
      assert.equal(text.match(/ 200 +8M /g)?.length, 20, text);
    });
  });
}

/** Requests of h2load: a tenth of the number in CI, all with `--full`. */
const REQUESTS = Deno.env.get("ENMESH_INTEROP_FULL") === "1" ? 200_000 : 20_000;

async function h2load(port: number, requests: number): Promise<string> {
  const args = ["-n", String(requests), "-c", "8", "-m", "32", `http://127.0.0.1:${port}/`];
  return output(await runPeer("h2load", { args }, 170_000));
}

async function loadCase(): Promise<void> {
  await using istiod = await FakeIstiod.start();
  await using target = await startHeapTarget(istiod);
  // What the first connections load and compile is no growth.
  await h2load(target.port, 5_000);
  const before = await target.heap();
  const text = await h2load(target.port, REQUESTS);
  const growth = await target.heap() - before;
  assert.match(text, new RegExp(`requests: ${REQUESTS} total, ${REQUESTS} started, ${REQUESTS} done`));
  assert.match(text, new RegExp(` ${REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout`));
  console.log(`h2load: ${/finished in .*/.exec(text)?.[0]}, heap ${growth >= 0 ? "+" : ""}${growth.toFixed(2)} MiB`);
  assert.ok(growth <= 2, `the heap grew by ${growth.toFixed(2)} MiB over ${REQUESTS} requests`);
}

/** Registers the tests. */
export function serverCases(cases: Cases): void {
  Deno.test("curl calls mesh.serve by prior knowledge", (t) => curlCases(cases, t, "curl, plaintext", false));
  Deno.test("curl calls mesh.serve with a certificate", (t) => curlCases(cases, t, "curl, mutual TLS", true));
  Deno.test("nghttp calls mesh.serve by prior knowledge", (t) => nghttpCases(cases, t, "nghttp, plaintext", false));
  Deno.test("nghttp calls mesh.serve with a certificate", (t) => nghttpCases(cases, t, "nghttp, mutual TLS", true));
  Deno.test("h2load calls mesh.serve", async (t) => {
    await cases.run(t, `h2load: ${REQUESTS} requests, 8 connections, 32 at a time`, loadCase, 180_000);
  });
}
