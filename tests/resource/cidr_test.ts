import assert from "node:assert/strict";
import fc from "fast-check";
import { cidrContains, cidrRange, parseCidrRanges } from "../../lib/resource/cidr.ts";
import { parseIp } from "../../lib/resource/ip_address.ts";
import { Issues } from "../../lib/resource/issues.ts";

function contains(prefix: string, length: number, address: string): boolean {
  return cidrContains(cidrRange(prefix, length)!, parseIp(address)!);
}

Deno.test("A range contains its addresses, of its family only", () => {
  assert.equal(contains("10.0.0.0", 8, "10.255.0.1"), true);
  assert.equal(contains("10.0.0.0", 8, "11.0.0.1"), false);
  assert.equal(contains("10.0.0.128", 25, "10.0.0.127"), false);
  assert.equal(contains("10.0.0.128", 25, "10.0.0.129"), true);
  assert.equal(contains("10.0.0.1", 32, "10.0.0.1"), true);
  assert.equal(contains("0.0.0.0", 0, "192.0.2.1"), true);
  assert.equal(contains("0.0.0.0", 0, "::1"), false);
  assert.equal(contains("2001:db8::", 33, "2001:db8:7fff::"), true);
  assert.equal(contains("2001:db8::", 33, "2001:db8:8000::"), false);
});

Deno.test("Membership is equality of the first bits", () => {
  const address = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(fc.property(address, address, fc.integer({ min: 0, max: 32 }), (a, b, length) => {
    const bits = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
    const expected = bits(a).slice(0, length) === bits(b).slice(0, length);
    assert.equal(contains(a.join("."), length, b.join(".")), expected);
  }));
});

Deno.test("Ranges that are none are reported with path and value, and left out", () => {
  const issues = new Issues();
  const ranges = parseCidrRanges(issues, "ranges", [
    { addressPrefix: "10.0.0.0", prefixLen: { value: 8 } },
    { addressPrefix: "10.0.0.0", prefixLen: { value: 33 } },
    { addressPrefix: "ten", prefixLen: { value: 8 } },
    {},
  ]);
  assert.deepEqual(ranges.map((range) => range.text), ["10.0.0.0/8"]);
  assert.equal(issues.errors.length, 3);
  assert.match(issues.errors[0]!, /'ranges\[1\]'.*'10\.0\.0\.0\/33'/);
});
