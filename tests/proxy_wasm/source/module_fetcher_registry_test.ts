/** Modules from container registries. */
import assert from "node:assert/strict";
import { openCacheFolder } from "../../../lib/proxy_wasm/source/cache_folder.ts";
import { DiskCache } from "../../../lib/proxy_wasm/source/disk_cache.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { digestOf, dockerConfig, type ImageForm, TestRegistry } from "../../support/test_registry.ts";
import { TestCa } from "../../support/test_ca.ts";
import { FetchRig, moduleOf } from "./fetch_rig.ts";

const MODULE = moduleOf(1);
const FORMS: readonly ImageForm[] = ["docker", "oci-compat", "oci-artifact", "oci-wasm"];
const bare = (digest: string) => digest.slice("sha256:".length);

for (const form of FORMS) {
  Deno.test(`The module of an image is found in the form '${form}'`, () =>
    TestRegistry.use(async (registry) => {
      const rig = new FetchRig();
      await registry.image("filters/stamp", "v1", MODULE, form);
      assert.deepEqual(await rig.fetch(`oci://${registry.host}/filters/stamp:v1`), MODULE);
      await rig.handles.idle();
    }));
}

Deno.test("Of an index one image is taken, and any digest on the way is as good as another", () =>
  TestRegistry.use(async (registry) => {
    const arm = await registry.image("x", "arm", moduleOf(2));
    const amd = await registry.image("x", "amd", MODULE);
    const index = registry.index("x", "v1", [
      { digest: arm, platform: { os: "linux", architecture: "arm64" } },
      { digest: amd, platform: { os: "linux", architecture: "amd64" } },
    ]);
    for (const sha256 of ["", bare(index), bare(amd), digestOf(MODULE)]) {
      assert.deepEqual(await new FetchRig().fetch(`oci://${registry.host}/x:v1`, { sha256 }), MODULE);
    }
    assert.deepEqual(await new FetchRig().fetch(`oci://${registry.host}/x@${index}`), MODULE);
    await assert.rejects(
      new FetchRig().fetch(`oci://${registry.host}/x:v1`, { sha256: bare(arm) }),
      new RegExp(`it has SHA-256 '.*${bare(amd)}.*', which does not match '${bare(arm)}'$`),
    );
  }));

for (const auth of ["basic", "bearer"] as const) {
  Deno.test(`A registry that asks for credentials (${auth}) gets those of the pull secret`, () =>
    TestRegistry.use(async (registry) => {
      await registry.image("filters/stamp", "v1", MODULE);
      const rig = new FetchRig();
      const url = `oci://${registry.host}/filters/stamp:v1`;
      assert.deepEqual(await rig.fetch(url, { pullSecret: dockerConfig(registry.host) }), MODULE);
      if (auth === "bearer") {
        assert.equal(registry.count("/token?service=tests&scope=repository%3Afilters%2Fstamp%3Apull"), 1);
        assert.ok(registry.authorizations.includes("Bearer the-token"));
      }
      const other = new FetchRig();
      const wrong = other.fetch(url, { pullSecret: dockerConfig(registry.host, "user", "hunter2") });
      await assert.rejects(wrong, (error: Error) => {
        assert.match(
          error.message,
          /refuses .* with status '401'; check the credentials for '127\.0\.0\.1:\d+' in the/,
        );
        assert.doesNotMatch(`${error.message} ${error.cause} ${other.log}`, /hunter2|the-token/);
        return true;
      });
      await assert.rejects(
        new FetchRig().fetch(url),
        /set imagePullSecret to a Secret that has (them|credentials) for/,
      );
      await assert.rejects(new FetchRig().fetch(url, { pullSecret: "" }), /its pull secret is missing; check that/);
      const dockerConfigOf = () => Promise.resolve(dockerConfig(registry.host));
      assert.deepEqual(await new FetchRig({ dockerConfig: dockerConfigOf }).fetch(url), MODULE);
    }, { auth }));
}

Deno.test("A token is not asked for in plaintext of another machine", () =>
  TestRegistry.use(async (registry) => {
    await registry.image("x", "v1", MODULE);
    const request = { pullSecret: dockerConfig(registry.host, "user", "hunter2") };
    await assert.rejects(
      new FetchRig().fetch(`oci://${registry.host}/x:v1`, request),
      /names no service of tokens that may be asked, current realm is 'http:\/\/tokens\.example\.test\/'$/,
    );
  }, { auth: "bearer", realm: "http://tokens.example.test/" }));

Deno.test("Layers and manifests of another digest are refused", () =>
  TestRegistry.use(async (registry) => {
    const digest = await registry.image("x", "v1", MODULE);
    registry.fail("/blobs/", { corrupt: true });
    await assert.rejects(
      new FetchRig().fetch(`oci://${registry.host}/x:v1`),
      /the layer has digest 'sha256:\w{64}', which does not match 'sha256:\w{64}'$/,
    );
    registry.fail("/manifests/", { corrupt: true });
    await assert.rejects(
      new FetchRig().fetch(`oci://${registry.host}/x@${digest}`),
      new RegExp(`the manifest has digest 'sha256:\\w{64}', which does not match '${digest}'$`),
    );
  }));

Deno.test("A registry in trouble is asked again; one that has no such image is not", () =>
  TestRegistry.use(async (registry) => {
    await registry.image("x", "v1", MODULE);
    registry.fail("/manifests/", { status: 502 }, { truncate: true });
    registry.fail("/blobs/", { status: 503 });
    assert.deepEqual(await new FetchRig().fetch(`oci://${registry.host}/x:v1`), MODULE);
    const before = registry.count("/manifests/");
    await assert.rejects(
      new FetchRig().fetch(`oci://${registry.host}/x:v2`),
      /has no image 'v2' there; check its name$/,
    );
    assert.equal(registry.count("/manifests/"), before + 1);
  }));

Deno.test("Blobs may be elsewhere, where nobody needs to know who we are", () =>
  TestRegistry.use((registry) =>
    TestRegistry.use(async (store) => {
      await registry.image("x", "v1", MODULE, "oci-artifact");
      registry.fail("/blobs/", { redirect: store.file("blob", MODULE) });
      const request = { pullSecret: dockerConfig(registry.host) };
      assert.deepEqual(await new FetchRig().fetch(`oci://${registry.host}/x:v1`, request), MODULE);
      assert.deepEqual(store.authorizations, [""]);
    }), { auth: "basic" }));

Deno.test("By default a tag is taken as known, 'latest' is not; policies say otherwise", () =>
  TestRegistry.use(async (registry) => {
    const asked = async (tag: string, request: Parameters<FetchRig["fetch"]>[1] = {}) => {
      await registry.image("x", tag, MODULE);
      const rig = new FetchRig();
      const url = `oci://${registry.host}/x:${tag}`;
      await rig.fetch(url, request);
      const [manifests, blobs] = [registry.count("/manifests/"), registry.count("/blobs/")];
      await rig.fetch(url, request);
      assert.equal(registry.count("/blobs/"), blobs, "the same image is not downloaded again");
      return registry.count("/manifests/") > manifests;
    };
    assert.equal(await asked("v1"), false);
    assert.equal(await asked("latest"), true);
    assert.equal(await asked("v1", { pullPolicy: "Always" }), true);
    assert.equal(await asked("latest", { pullPolicy: "IfNotPresent" }), false);
    const resource = { name: "default.x", version: "1" };
    assert.equal(await asked("v1", { pullPolicy: "Always", resource }), false, "the very same object");
  }));

Deno.test("A tag that moves is followed where the policy says so, and a changed object pulls again", () =>
  TestRegistry.use(async (registry) => {
    const rig = new FetchRig();
    const url = `oci://${registry.host}/x:v1`;
    const always = (version: string) => ({ pullPolicy: "Always" as const, resource: { name: "default.x", version } });
    await registry.image("x", "v1", MODULE);
    assert.deepEqual(await rig.fetch(url, always("1")), MODULE);
    await registry.image("x", "v1", moduleOf(2));
    assert.deepEqual(await rig.fetch(url, { pullPolicy: "IfNotPresent" }), MODULE);
    assert.deepEqual(await rig.fetch(url, always("1")), MODULE);
    assert.deepEqual(await rig.fetch(url, always("2")), moduleOf(2));
  }));

Deno.test("A digest is asked for once, and survives the process where there is a folder", async () => {
  const path = await Deno.makeTempDir();
  try {
    await TestRegistry.use(async (registry) => {
      const rig = () => {
        const settings = { clock: new FakeClock(Date.now()), logger: { log: () => {} }, maxBytes: 1 << 20 };
        const folder = openCacheFolder(path);
        return new FetchRig({ disk: new DiskCache({ ...settings, folder, expiryMs: 1e9, purgeIntervalMs: 1e9 }) });
      };
      const digest = await registry.image("x", "v1", MODULE);
      await rig().fetch(`oci://${registry.host}/x:v1`);
      const { length } = registry.requests;
      assert.deepEqual(await rig().fetch(`oci://${registry.host}/x:v1`), MODULE);
      assert.deepEqual(await rig().fetch(`oci://${registry.host}/x@${digest}`), MODULE);
      assert.deepEqual(await rig().fetch(`oci://${registry.host}/x:v1`, { sha256: bare(digest) }), MODULE);
      assert.deepEqual(await rig().fetch("https://down.example.test/x", { sha256: digestOf(MODULE) }), MODULE);
      assert.equal(registry.requests.length, length);
      assert.deepEqual(await rig().fetch(`oci://${registry.host}/x:v1`, { pullPolicy: "Always" }), MODULE);
      assert.equal(registry.requests.length, length + 1, "the manifest");
    });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("A registry whose certificate nobody vouches for is refused, but where it is listed as insecure", async () => {
  const { chain, key } = await (await TestCa.create()).issue({ dns: ["localhost"] });
  await TestRegistry.use(async (registry) => {
    await registry.image("x", "v1", MODULE);
    const url = `oci://${registry.host}/x:v1`;
    await assert.rejects(new FetchRig().fetch(url), /cannot trust the server/);
    assert.deepEqual(await new FetchRig({ insecureRegistries: new Set([registry.host]) }).fetch(url), MODULE);
  }, { tls: { cert: chain, key } });
});

Deno.test("What names no image, and an image without a module, are refused", () =>
  TestRegistry.use(async (registry) => {
    await assert.rejects(
      new FetchRig().fetch("oci://host.example.test/"),
      /it has no valid repository, current value is ''$/,
    );
    registry.manifest("x", "v1", "application/vnd.oci.image.manifest.v1+json", { layers: [] });
    await assert.rejects(new FetchRig().fetch(`oci://${registry.host}/x:v1`), /the image holds no Wasm module/);
    await registry.image("x", "v2", new TextEncoder().encode("not a module"));
    await assert.rejects(new FetchRig().fetch(`oci://${registry.host}/x:v2`), /what was fetched is no Wasm module$/);
  }));
