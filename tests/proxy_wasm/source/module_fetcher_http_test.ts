/** Modules from HTTP servers. */
import assert from "node:assert/strict";
import { digestOf, TestRegistry } from "../../support/test_registry.ts";
import { gzip } from "../../support/tar.ts";
import { TestCa } from "../../support/test_ca.ts";
import { until } from "../../support/until.ts";
import { FetchRig, moduleOf } from "./fetch_rig.ts";

const MODULE = moduleOf(1);

Deno.test("A module is fetched from an HTTP server, compressed or not", () =>
  TestRegistry.use(async (server) => {
    const rig = new FetchRig();
    assert.deepEqual(await rig.fetch(server.file("x.wasm", MODULE)), MODULE);
    assert.deepEqual(await rig.fetch(server.file("x.wasm.gz", await gzip(moduleOf(2)))), moduleOf(2));
    assert.match(rig.log.find(/Fetched Wasm module/) ?? "", /\/files\/x\.wasm'$/);
    await rig.handles.idle();
  }));

Deno.test("A module with a digest is fetched once, one without each time", () =>
  TestRegistry.use(async (server) => {
    const rig = new FetchRig();
    const url = server.file("x.wasm", MODULE);
    await rig.fetch(url);
    await rig.fetch(url);
    assert.equal(server.count("/files/"), 2);
    assert.deepEqual(await rig.fetch(url, { sha256: digestOf(MODULE) }), MODULE);
    assert.equal(server.count("/files/"), 2);
  }));

Deno.test("A module of another digest is refused, and the error names both", () =>
  TestRegistry.use(async (server) => {
    const url = server.file("x.wasm", MODULE);
    const wanted = "1".repeat(64);
    await assert.rejects(new FetchRig().fetch(url, { sha256: wanted }), {
      message: `Cannot fetch module '${url}': it has SHA-256 '${digestOf(MODULE)}', which does not match '${wanted}'`,
    });
    assert.equal(server.count("/files/"), 1, "the same bytes would come again");
  }));

Deno.test("Failures that may pass are tried again, up to five times; others are not", () =>
  TestRegistry.use(async (server) => {
    const rig = new FetchRig();
    const url = server.file("x.wasm", MODULE);
    server.fail("x.wasm", { status: 503 }, { truncate: true }, { status: 429 });
    assert.deepEqual(await rig.fetch(url), MODULE);
    assert.equal(server.requests.length, 4);
    server.fail("x.wasm", ...Array.from({ length: 9 }, () => ({ status: 500 })));
    await assert.rejects(rig.fetch(url), /the server answered with status '500', after '5' tries$/);
    for (const status of [404, 403, 501, 505, 511]) {
      const before: number = server.requests.length;
      server.fail("x.wasm", { status });
      await assert.rejects(rig.fetch(url), new RegExp(`answered with status '${status}'$`));
      assert.equal(server.requests.length, before + 1);
    }
  }));

Deno.test("What is no module, or too large, or packed too tightly, is refused", () =>
  TestRegistry.use(async (server) => {
    const rig = new FetchRig({ maxBytes: 1000 });
    await assert.rejects(
      rig.fetch(server.file("page", new TextEncoder().encode("<html>"))),
      /what was fetched is no Wasm/,
    );
    await assert.rejects(rig.fetch(server.file("big", moduleOf(1, 1001))), /larger than '1000' bytes$/);
    await assert.rejects(
      rig.fetch(server.file("bomb", await gzip(moduleOf(1, 100_000)))),
      /'1000' bytes when unpacked$/,
    );
  }));

Deno.test("A server that is too slow is given up, each try and all of it", () =>
  TestRegistry.use(async (server) => {
    const url = server.file("x.wasm", MODULE);
    server.fail("x.wasm", { hang: true });
    assert.deepEqual(await new FetchRig({ requestTimeoutMs: 50 }).fetch(url), MODULE, "the second try succeeds");
    server.fail("x.wasm", ...Array.from({ length: 9 }, () => ({ hang: true as const })));
    await assert.rejects(new FetchRig({ requestTimeoutMs: 20 }).fetch(url), /within '20' ms, after '5' tries$/);
    await assert.rejects(new FetchRig().fetch(url, { timeoutMs: 20 }), /did not arrive within '20' ms$/);
  }));

Deno.test("Who gives up gets his own reason, and nothing is left open", () =>
  TestRegistry.use(async (server) => {
    const rig = new FetchRig();
    server.fail("x.wasm", { hang: true });
    const stop = new AbortController();
    const fetching = rig.fetch(server.file("x.wasm", MODULE), {}, stop.signal);
    await until("the request has arrived", () => server.requests.length === 1);
    stop.abort(new Error("Enough"));
    await assert.rejects(fetching, /^Error: Enough$/);
    await rig.handles.idle();
  }));

Deno.test("The same request at the same time is made once", () =>
  TestRegistry.use(async (server) => {
    const rig = new FetchRig();
    const url = server.file("x.wasm", MODULE);
    const all = await Promise.all(Array.from({ length: 10 }, () => rig.fetch(url)));
    assert.equal(server.requests.length, 1);
    assert.ok(all.every((bytes) => bytes === all[0]));
  }));

Deno.test("Redirects are followed, not for ever; credentials in the URL go to its own host only", () =>
  TestRegistry.use((server) =>
    TestRegistry.use(async (other) => {
      const rig = new FetchRig();
      const url = server.file("x.wasm", MODULE).replace("http://", "http://me:hunter2@");
      server.fail("x.wasm", { redirect: other.file("y.wasm", moduleOf(2)) });
      assert.deepEqual(await rig.fetch(url), moduleOf(2));
      assert.deepEqual(server.authorizations, [`Basic ${btoa("me:hunter2")}`]);
      assert.deepEqual(other.authorizations, [""]);
      server.fail("x.wasm", ...Array.from({ length: 20 }, () => ({ redirect: "/files/x.wasm" })));
      await assert.rejects(rig.fetch(url), (error: Error) => {
        assert.match(error.message, /sends us on more than '10' times$/);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      });
      server.fail("x.wasm", { redirect: "file:///etc/passwd" });
      await assert.rejects(rig.fetch(url), /'file:\/\/\/etc\/passwd' is no HTTP URL$/);
      assert.doesNotMatch(rig.log.toString(), /hunter2/);
    })
  ));

Deno.test("The metadata service of a cloud is not asked, not even where a server sends us there", () =>
  TestRegistry.use(async (server) => {
    const rig = new FetchRig();
    await assert.rejects(
      rig.fetch("http://169.254.169.254/x"),
      /'169\.254\.169\.254' must not be asked: it is a link-local/,
    );
    server.fail("x.wasm", { redirect: "http://169.254.169.254/latest" });
    await assert.rejects(rig.fetch(server.file("x.wasm", MODULE)), /must not be asked/);
    assert.equal(server.requests.length, 1);
  }));

Deno.test("A certificate that nobody vouches for is refused, but of hosts that are listed as insecure", async () => {
  const { chain, key } = await (await TestCa.create()).issue({ dns: ["localhost"] });
  await TestRegistry.use(async (server) => {
    const url = server.file("x.wasm", MODULE);
    await assert.rejects(new FetchRig().fetch(url), /cannot trust the server at/);
    assert.equal(server.requests.length, 0);
    for (const listed of [server.host, "*"]) {
      const rig = new FetchRig({ insecureRegistries: new Set([listed]) });
      assert.deepEqual(await rig.fetch(url), MODULE);
    }
    // Over TLS once, over TLS always.
    const plain = server.file("y.wasm", MODULE).replace("https:", "http:");
    server.fail("x.wasm", { redirect: plain });
    await assert.rejects(
      new FetchRig({ insecureRegistries: new Set(["other.example.test"]) }).fetch(url),
      /cannot trust the server/,
    );
  }, { tls: { cert: chain, key } });
});

Deno.test("A server that is not there is said to be", async () => {
  const rig = new FetchRig();
  await assert.rejects(
    rig.fetch("http://127.0.0.1:1/x.wasm"),
    /Cannot fetch module 'http:\/\/127\.0\.0\.1:1\/x\.wasm': cannot connect to/,
  );
  await assert.rejects(rig.fetch("ftp://127.0.0.1/x.wasm"), /'ftp:\/\/127\.0\.0\.1\/x\.wasm' is no HTTP URL$/);
});
