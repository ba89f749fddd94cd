import assert from "node:assert/strict";
import fc from "fast-check";
import { ipKey, parseIp } from "../../lib/resource/ip_address.ts";

function hex(text: string): string | null {
  const bytes = parseIp(text);
  return bytes && Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

Deno.test("IPv4 addresses in their one form", () => {
  assert.equal(hex("10.0.0.1"), "0a000001");
  assert.equal(hex("255.255.255.255"), "ffffffff");
  for (
    const text of ["", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.", " 1.2.3.4", "1.2.3.4\n", "0x1.2.3.4"]
  ) {
    assert.equal(hex(text), null, text);
  }
});

Deno.test("IPv6 addresses in all their forms", () => {
  assert.equal(hex("::"), "0".repeat(32));
  assert.equal(hex("::1"), "0".repeat(31) + "1");
  assert.equal(hex("2001:DB8::"), "20010db8" + "0".repeat(24));
  assert.equal(hex("1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
  assert.equal(hex("::ffff:10.0.0.1"), "00000000000000000000ffff0a000001");
  assert.equal(hex("1:2:3:4:5:6:7::"), "00010002000300040005000600070000");
  for (
    const text of [
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::",
      "12345::",
      "g::",
      "::1.2.3",
      "1.2.3.4::",
      "fe80::1%eth0",
      "[::1]",
    ]
  ) assert.equal(hex(text), null, text);
});

Deno.test("Every IPv6 address reads back from its long form, and has one key for all forms", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
    const groups = Array.from(
      { length: 8 },
      (_, index) => (bytes[2 * index]! << 8 | bytes[2 * index + 1]!).toString(16),
    );
    assert.deepEqual(parseIp(groups.join(":")), bytes);
    assert.equal(ipKey(groups.join(":").toUpperCase()), ipKey(groups.map((group) => group.padStart(4, "0")).join(":")));
  }));
});

Deno.test("No text throws", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseIp(text)));
  fc.assert(fc.property(fc.stringMatching(/^[0-9a-f:.]{0,50}$/), (text) => void parseIp(text)));
});
