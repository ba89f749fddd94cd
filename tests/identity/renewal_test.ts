import assert from "node:assert/strict";
import fc from "fast-check";
import { renewalTime } from "../../lib/identity/renewal.ts";

Deno.test("a day's certificate is renewed after half a day, give or take a quarter of an hour", () => {
  const day = 86_400_000;
  assert.equal(renewalTime(0, day, () => 0.5), day / 2);
  assert.equal(renewalTime(0, day, () => 0), day * 0.51);
  assert.equal(renewalTime(0, day, () => 1), day * 0.49);
});

Deno.test("the moment is always between receipt and expiry", () => {
  const random = fc.double({ min: 0, max: 1, noNaN: true });
  const time = fc.integer({ min: 0, max: 2 ** 40 });
  const ratio = fc.double({ min: -1, max: 3, noNaN: true });
  fc.assert(fc.property(time, time, random, ratio, (received, lifetime, r, graceRatio) => {
    const at = renewalTime(received, received + lifetime, () => r, { graceRatio });
    assert.ok(at >= received && at <= received + lifetime);
  }));
});

Deno.test("a certificate that has expired on receipt is due at once", () => {
  assert.equal(renewalTime(1000, 500, () => 0.5), 1000);
});
