/** The story of a mesh on FakeIstiod; the interop task tells it on a real istiod. */
import assert from "node:assert/strict";
import { FakeIstiod } from "../../lib/testing/mod.ts";
import { type ControlPlane, endToEnd } from "../support/end_to_end.ts";

Deno.test("a mesh on FakeIstiod", async (t) => {
  const istiod = await FakeIstiod.start();
  try {
    const plane: ControlPlane = {
      discoveryAddress: istiod.discoveryAddress,
      rootCertificates: istiod.rootCertificates,
      token: (namespace, serviceAccount) => istiod.tokens.mint({ namespace, serviceAccount }),
      apply: (yaml) => istiod.apply(yaml),
      delete: (yaml) => istiod.delete(yaml),
      crash: () => istiod.suspend(),
      restart: () => istiod.resume(),
    };
    await endToEnd(t, plane);
  } finally {
    await istiod[Symbol.asyncDispose]();
  }
  assert.equal(istiod.handles.total, 0);
});
