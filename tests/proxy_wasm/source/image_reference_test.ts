import assert from "node:assert/strict";
import { parseImageReference } from "../../../lib/proxy_wasm/source/image_reference.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;

const CASES: readonly [string, string, string, string | null, string | null][] = [
  ["ghcr.io/istio/stamp:v1", "ghcr.io", "istio/stamp", "v1", null],
  ["ghcr.io/istio/stamp", "ghcr.io", "istio/stamp", "latest", null],
  [`ghcr.io/istio/stamp@${DIGEST}`, "ghcr.io", "istio/stamp", null, DIGEST],
  [`ghcr.io/istio/stamp:v1@${DIGEST}`, "ghcr.io", "istio/stamp", "v1", DIGEST],
  ["localhost:5000/x:v1", "localhost:5000", "x", "v1", null],
  ["localhost/x", "localhost", "x", "latest", null],
  ["[::1]:5000/x", "[::1]:5000", "x", "latest", null],
  ["user/x:v1", "index.docker.io", "user/x", "v1", null],
  ["docker.io/x", "index.docker.io", "library/x", "latest", null],
  ["x", "index.docker.io", "library/x", "latest", null],
];

for (const [text, registry, repository, tag, digest] of CASES) {
  Deno.test(`'${text}' names an image as Docker reads it`, () => {
    assert.deepEqual(parseImageReference(text), { registry, repository, tag, digest });
  });
}

Deno.test("What names no image is refused", () => {
  for (
    const text of ["", "a b", "ghcr.io/", "ghcr.io/X", "ghcr.io/x:", "x@sha256:1", `x@${DIGEST}@${DIGEST}`, "-.io/x"]
  ) {
    assert.throws(() => parseImageReference(text), /it has no valid (registry|repository|tag|digest)/, text);
  }
});
