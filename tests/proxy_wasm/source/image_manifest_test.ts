import assert from "node:assert/strict";
import { moduleLayer, parseManifest } from "../../../lib/proxy_wasm/source/image_manifest.ts";

const DIGEST = (digit: string) => `sha256:${digit.repeat(64)}`;
const parse = (value: unknown) => parseManifest(new TextEncoder().encode(JSON.stringify(value)));
const layer = (mediaType: string, digit = "a") => ({ mediaType, digest: DIGEST(digit), size: 1 });

Deno.test("An index leads to the image of Istio's usual platform, of Wasm, or to the first", () => {
  const of = (os: string, architecture: string, digit: string) => ({
    digest: DIGEST(digit),
    platform: { os, architecture },
  });
  const chosen = (...manifests: object[]) => {
    const manifest = parse({ manifests });
    return manifest.kind === "index" ? manifest.chosen : null;
  };
  const [arm, amd, wasm] = [of("linux", "arm64", "1"), of("linux", "amd64", "2"), of("wasip1", "wasm", "3")];
  assert.equal(chosen(arm, wasm, amd), DIGEST("2"));
  assert.equal(chosen(arm, wasm), DIGEST("3"));
  assert.equal(chosen(arm, { digest: DIGEST("4") }), DIGEST("1"));
  assert.throws(() => chosen(), /index of the image is empty/);
  assert.throws(() => chosen({ digest: "md5:1" }), /no valid digest, current value is 'md5:1'/);
});

Deno.test("The module is in the last layer of a compat image, or in the one layer that is a module", () => {
  const docker = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  const oci = "application/vnd.oci.image.layer.v1.tar+gzip";
  const module = "application/vnd.module.wasm.content.layer.v1+wasm";
  const found = (...layers: ReturnType<typeof layer>[]) => {
    const manifest = parse({ layers });
    assert.equal(manifest.kind, "image");
    const { form, digest } = moduleLayer(manifest.kind === "image" ? manifest.layers : []);
    return [form, digest.at(-1)];
  };
  assert.deepEqual(found(layer(docker, "1"), layer(docker, "2")), ["archive", "2"]);
  assert.deepEqual(found(layer(oci)), ["archive", "a"]);
  assert.deepEqual(found(layer("text/x", "1"), layer(module, "2"), layer("text/x", "3")), ["module", "2"]);
  assert.deepEqual(found(layer("application/wasm")), ["module", "a"]);
  assert.throws(() => found(layer("text/x")), /holds no Wasm module: .* current media types are 'text\/x'/);
  assert.throws(() => found(), /holds no Wasm module/);
});

Deno.test("What is no manifest is refused", () => {
  assert.throws(() => parseManifest(new TextEncoder().encode("<html>")), /is not valid JSON/);
  for (const value of [{}, [], null, "x", { layers: {} }]) assert.throws(() => parse(value), /has no layers/);
  for (const bad of [{}, null, { ...layer("x"), size: -1 }, { ...layer("x"), digest: "sha256:../x" }]) {
    assert.throws(() => parse({ layers: [bad] }), /manifest of the image has/);
  }
});
