/** Our HTTP/2 clients against nghttpd: `mesh.fetch` in plaintext and over mutual TLS, and the codec below it. */
import assert from "node:assert/strict";
import type { Mesh } from "../../../mod.ts";
import { MeshRig } from "../../support/mesh_rig.ts";
import { TransportRig } from "../../support/transport_rig.ts";
import type { Cases } from "../cases.ts";
import { certificates } from "../certificates.ts";
import { tlsMode } from "../tls_mode.ts";
import { digest, patterned } from "./bytes.ts";
import { codecClient, codecRequest, exchange, withTrailer } from "./codec_client.ts";
import { type Nghttpd, startNghttpd } from "./nghttpd.ts";

const LARGE = patterned(8 * 1024 * 1024);

/** The cases that `mesh.fetch` has with any nghttpd. */
async function fetchCases(cases: Cases, t: Deno.TestContext, way: string, mesh: Mesh, peer: Nghttpd): Promise<void> {
  const url = "http://files.default/";
  const check = async (response: Response, expected: Uint8Array) => {
    const bytes = new Uint8Array(await response.arrayBuffer());
    assert.equal(response.status, 200, new TextDecoder().decode(bytes.subarray(0, 1000)));
    assert.deepEqual([bytes.length, digest(bytes)], [expected.length, digest(expected)]);
  };
  await Deno.writeTextFile(`${peer.folder}/small`, "hello");
  await Deno.writeFile(`${peer.folder}/large`, LARGE);
  const run = (name: string, act: () => Promise<void>) => cases.run(t, `${way}: ${name}`, act);
  await run("GET, and one that is not there", async () => {
    const response = await mesh.fetch(`${url}small`);
    assert.match(response.headers.get("server") ?? "", /nghttp/, await response.clone().text());
    assert.equal(await response.text(), "hello");
    const missing = await mesh.fetch(`${url}missing`);
    await missing.body?.cancel();
    assert.equal(missing.status, 404);
  });
  await run("HEAD", async () => {
    const response = await mesh.fetch(`${url}large`, { method: "HEAD" });
    assert.deepEqual([response.status, response.headers.get("content-length")], [200, String(LARGE.length)]);
    assert.equal((await response.arrayBuffer()).byteLength, 0);
  });
  await run("GET of 8 MiB", async () => check(await mesh.fetch(`${url}large`), LARGE));
  await run("GET of 8 MiB to a reader that begins late, beside one that does not", async () => {
    const slow = await mesh.fetch(`${url}large`);
    await check(await mesh.fetch(`${url}large`), LARGE);
    await check(slow, LARGE);
  });
  await run("POST of 8 MiB, echoed", async () => {
    await check(await mesh.fetch(`${url}echo`, { method: "POST", body: LARGE }), LARGE);
  });
  await run("POST of a stream", async () => {
    const body = new Blob([LARGE]).stream();
    await check(await mesh.fetch(`${url}echo`, { method: "POST", body }), LARGE);
  });
  await run("POST without content", async () => {
    await check(await mesh.fetch(`${url}echo`, { method: "POST" }), new Uint8Array());
  });
  await run("500 requests at a time", async () => {
    await Promise.all(Array.from({ length: 500 }, async (_, i) => {
      const body = patterned(i * 20);
      await check(await mesh.fetch(`${url}echo`, { method: "POST", body }), body);
    }));
  });
  await run("requests given up midway leave the connection to the others", async () => {
    await Promise.all(Array.from({ length: 50 }, async (_, i) => {
      const response = await mesh.fetch(`${url}large`);
      if (i % 10 === 0) await check(response, LARGE);
      else await response.body!.cancel();
    }));
  });
}

/** Registers the tests. */
export function nghttpdCases(cases: Cases): void {
  Deno.test("mesh.fetch calls nghttpd in plaintext, by prior knowledge", async (t) => {
    await using peer = await startNghttpd();
    await MeshRig.use(async (rig) => {
      rig.service({ name: "files", ports: [peer.port], portName: "http2", targetPort: 8080, inMesh: false });
      rig.istiod.apply(tlsMode("files", "DISABLE"));
      const mesh = await rig.join("caller");
      await rig.istiod.settled();
      await fetchCases(cases, t, "plaintext", mesh, peer);
    });
  });

  Deno.test("mesh.fetch calls nghttpd with a certificate of the mesh, by ALPN", async (t) => {
    const folder = await Deno.makeTempDir();
    await MeshRig.use(async (rig) => {
      await using peer = await startNghttpd({
        certificates: await certificates(rig.istiod.authority, "files", folder),
      });
      rig.service({ name: "files", ports: [peer.port], portName: "http2", targetPort: 8080 });
      rig.istiod.apply(tlsMode("files", "ISTIO_MUTUAL"));
      const mesh = await rig.join("caller");
      await rig.istiod.settled();
      await fetchCases(cases, t, "mutual TLS", mesh, peer);
      assert.match(peer.log(), /The negotiated protocol: h2/);
    });
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test("our HTTP/2 client calls nghttpd on one connection", async (t) => {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/pushed`, "pushed");
    // Windows as small as the protocol's default, padding, a short stream limit: what a peer may ask of a client.
    const args = ["--push", "/index=/pushed", "-b", "200", "-w", "16", "-W", "16", "-m", "10"];
    const transport = await TransportRig.start(() => {});
    await using peer = await startNghttpd({ args });
    await Deno.writeFile(`${peer.folder}/index`, LARGE);
    await Deno.writeTextFile(`${peer.folder}/pushed`, "pushed");
    const connection = await codecClient(transport.connector, peer.port);
    await cases.run(t, "one connection: trailers both ways", async () => {
      const body = withTrailer(patterned(100_000), "x-request-sum", "7");
      const answer = await exchange(connection, codecRequest("/echo", body));
      assert.equal(digest(answer.bytes), digest(patterned(100_000)));
      assert.deepEqual(answer.trailers, ["x-sum", "42"]);
      assert.match(peer.log(), /x-request-sum: 7/);
    });
    await cases.run(t, "one connection: nothing is pushed", async () => {
      const answer = await exchange(connection, codecRequest("/index"));
      assert.equal(digest(answer.bytes), digest(LARGE));
      assert.match(peer.log(), /SETTINGS_ENABLE_PUSH\(0x02\):0/);
      assert.doesNotMatch(peer.log(), /send PUSH_PROMISE/);
    });
    await cases.run(t, "one connection: the stream limit of the peer is kept", async () => {
      assert.equal(connection.available, 10);
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => exchange(connection, codecRequest("/pushed"))),
      );
      for (const { bytes } of answers) assert.equal(new TextDecoder().decode(bytes), "pushed");
    });
    await cases.run(t, "one connection: padded uploads through a window of 64 KiB", async () => {
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => exchange(connection, codecRequest("/echo", withTrailer(LARGE)))),
      );
      for (const { bytes } of answers) assert.equal(digest(bytes), digest(LARGE));
      assert.doesNotMatch(peer.log(), /send (GOAWAY|RST_STREAM)/);
    });
    connection.close();
    await transport.close();
    await Deno.remove(folder, { recursive: true });
  });
}
