import fc from "fast-check";
import assert from "node:assert/strict";
import { formatGrpcTimeout, parseGrpcTimeout } from "../../lib/grpc/grpc_timeout.ts";

Deno.test("every unit is read", () => {
  const cases = {
    "1H": 3_600_000,
    "2M": 120_000,
    "3S": 3000,
    "4m": 4,
    "5000u": 5,
    "6000000n": 6,
    "99999999H": 359_999_996_400_000,
  };
  for (const [text, ms] of Object.entries(cases)) assert.equal(parseGrpcTimeout(text), ms);
});

Deno.test("what is no timeout is none", () => {
  for (const text of ["", "1", "S", "123456789S", "-1S", "1 S", "1.5S", "1s", "1h"]) {
    assert.equal(parseGrpcTimeout(text), null, text);
  }
});

Deno.test("a timeout is written never too short, and less than a unit too long", () => {
  assert.equal(formatGrpcTimeout(0), "1m");
  assert.equal(formatGrpcTimeout(1500), "1500m");
  fc.assert(fc.property(fc.double({ min: 0.001, max: 1e15, noNaN: true }), (ms) => {
    const text = formatGrpcTimeout(ms);
    assert.match(text, /^[0-9]{1,8}[mSMH]$/);
    const back = parseGrpcTimeout(text)!;
    assert.ok(back >= Math.min(ms, 99_999_999 * 3_600_000));
    assert.ok(back <= ms * 1.001 + 1);
  }));
});
